"""Pipelines, their versions and tags, through boto3's client."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.api.caller import Caller
from tests.api.harness import ALL, REGION, ROLE, Deployment, definition

TOKEN = "t" * 32
ARN = f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/abalone"


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_what_was_created_is_described(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    made = deployment.create(
        PipelineDisplayName="The-snails",
        PipelineDescription="ages",
        ParallelismConfiguration={"MaxParallelExecutionSteps": 2},
        Tags=[{"Key": "team", "Value": "sea"}],
    )
    assert made["PipelineArn"] == ARN
    found = sagemaker.describe_pipeline(PipelineName="abalone")
    del found["ResponseMetadata"]
    created = found.pop("CreationTime")
    assert created.timestamp() > 0
    assert found.pop("LastModifiedTime") == created
    assert found == {
        "PipelineArn": ARN,
        "PipelineName": "Abalone",
        "PipelineDisplayName": "The-snails",
        "PipelineDefinition": definition(),
        "PipelineDescription": "ages",
        "RoleArn": ROLE,
        "PipelineStatus": "Active",
        "CreatedBy": {"UserProfileName": "anna"},
        "LastModifiedBy": {"UserProfileName": "anna"},
        "ParallelismConfiguration": {"MaxParallelExecutionSteps": 2},
    }
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == [{"Key": "team", "Value": "sea"}]


def test_the_sdks_upsert_finds_the_words_that_it_looks_for(deployment: Deployment) -> None:
    deployment.create(ClientRequestToken=TOKEN)
    assert deployment.create(ClientRequestToken=TOKEN)["PipelineArn"] == ARN
    code, message = refused(deployment.create, name="ABALONE")
    assert code == "ValidationException"
    assert "already exists" in message
    changed = deployment.client().update_pipeline(PipelineName="Abalone", PipelineDescription="new")
    assert changed["PipelineVersionId"] == 2
    found = deployment.client().describe_pipeline(PipelineName=ARN)
    assert (found["PipelineDescription"], found["PipelineDefinition"]) == ("new", definition())


def test_a_definition_that_cannot_be_used_is_refused_with_what_is_wrong_with_it(deployment: Deployment) -> None:
    wrong = definition({"Name": "Train", "Type": "Trainin", "Arguments": {}})
    code, message = refused(deployment.create, text=wrong)
    assert code == "ValidationException"
    assert "$.Steps[0].Type" in message
    assert "Did you mean 'Training'?" in message
    assert deployment.client().list_pipelines()["PipelineSummaries"] == []
    deployment.create()
    assert refused(deployment.client().update_pipeline, PipelineName="Abalone", PipelineDefinition=wrong)[0] == code
    assert len(deployment.client().list_pipeline_versions(PipelineName="Abalone")["PipelineVersionSummaries"]) == 1


def test_a_definition_can_lie_in_s3(tmp_path: Path) -> None:
    read: list[tuple[str, str, str | None]] = []

    def read_s3(bucket: str, key: str, version: str | None) -> str:
        read.append((bucket, key, version))
        return definition()

    deployment = Deployment(tmp_path, read_s3=read_s3)
    sagemaker = deployment.client()
    location = {"Bucket": "definitions", "ObjectKey": "a/b.json"}
    sagemaker.create_pipeline(PipelineName="Abalone", PipelineDefinitionS3Location=location, RoleArn=ROLE)
    assert read == [("definitions", "a/b.json", None)]
    assert sagemaker.describe_pipeline(PipelineName="Abalone")["PipelineDefinition"] == definition()
    for members in ({}, {"PipelineDefinitionS3Location": location, "PipelineDefinition": definition()}):
        assert (
            refused(sagemaker.create_pipeline, PipelineName="Two", RoleArn=ROLE, **members)[0] == "ValidationException"
        )


def test_a_dag_of_somebody_elses_is_not_taken(deployment: Deployment) -> None:
    deployment.runs.foreign["Abalone"] = "abalone.py in the bundle dags-folder"
    code, message = refused(deployment.create)
    assert (code, "abalone.py in the bundle dags-folder makes it" in message) == ("ConflictException", True)
    assert "already exists" not in message


def test_versions_are_listed_labelled_and_described(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    deployment.create()
    sagemaker.update_pipeline(PipelineName="Abalone", PipelineDescription="second")
    sagemaker.update_pipeline_version(
        PipelineArn=ARN, PipelineVersionId=1, PipelineVersionDisplayName="first", PipelineVersionDescription="good"
    )
    sagemaker.update_pipeline_version(PipelineArn=ARN, PipelineVersionId=1, PipelineVersionDescription="better")
    versions = sagemaker.list_pipeline_versions(PipelineName="Abalone")["PipelineVersionSummaries"]
    assert [each["PipelineVersionId"] for each in versions] == [2, 1]
    assert (versions[1]["PipelineVersionDisplayName"], versions[1]["PipelineVersionDescription"]) == ("first", "better")
    found = sagemaker.describe_pipeline(PipelineName="Abalone", PipelineVersionId=1)
    assert "PipelineDescription" not in found
    assert found["PipelineVersionDisplayName"] == "first"
    missing = refused(sagemaker.describe_pipeline, PipelineName="Abalone", PipelineVersionId=3)
    assert missing == ("ResourceNotFound", "Pipeline 'Abalone' has no version 3: the latest is 2.")
    assert refused(sagemaker.update_pipeline_version, PipelineArn=ARN, PipelineVersionId=3)[0] == "ResourceNotFound"


def test_pipelines_are_listed_by_name_time_and_page(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    for name in ("b", "c", "a", "other"):
        deployment.create(name)

    def names(**request: Any) -> list[str]:
        return [each["PipelineName"] for each in sagemaker.list_pipelines(**request)["PipelineSummaries"]]

    assert names() == ["other", "a", "c", "b"]
    assert names(SortBy="Name", SortOrder="Ascending") == ["a", "b", "c", "other"]
    assert names(PipelineNamePrefix="O") == ["other"]
    second = sagemaker.describe_pipeline(PipelineName="c")["CreationTime"]
    assert names(CreatedAfter=second) == ["other", "a"]
    assert names(CreatedBefore=second) == ["b"]
    pages = sagemaker.get_paginator("list_pipelines").paginate(PaginationConfig={"PageSize": 3})
    assert [len(page["PipelineSummaries"]) for page in pages] == [3, 1]
    token = sagemaker.list_pipelines(MaxResults=1)["NextToken"]
    for wrong in ({"NextToken": "no"}, {"NextToken": token, "SortBy": "Name"}):
        assert refused(sagemaker.list_pipelines, **wrong)[0] == "ValidationException"


def test_a_pipeline_that_runs_is_not_deleted(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    deployment.create()
    sagemaker.start_pipeline_execution(PipelineName="Abalone")
    assert refused(sagemaker.delete_pipeline, PipelineName="Abalone")[0] == "ConflictException"
    deployment.runs.put(deployment.runs.only(), state="success")
    assert sagemaker.delete_pipeline(PipelineName="Abalone")["PipelineArn"] == ARN
    assert refused(sagemaker.describe_pipeline, PipelineName="Abalone")[0] == "ResourceNotFound"


def test_tags_come_and_go_and_are_those_of_pipelines_alone(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    deployment.create()
    tags = [{"Key": "team", "Value": "sea"}, {"Key": "stage", "Value": ""}]
    assert sagemaker.add_tags(ResourceArn=ARN, Tags=tags)["Tags"] == tags
    sagemaker.delete_tags(ResourceArn=ARN, TagKeys=["team", "none"])
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == tags[1:]
    many = [{"Key": str(number), "Value": ""} for number in range(50)]
    assert refused(sagemaker.add_tags, ResourceArn=ARN, Tags=many)[0] == "ValidationException"
    model = f"arn:aws:sagemaker:{REGION}:123456789012:model/m"
    code, message = refused(sagemaker.list_tags, ResourceArn=model)
    assert (code, "tags of pipelines only" in message) == ("ValidationException", True)


def test_who_may_what_is_judged_by_the_name_of_the_pipeline(tmp_path: Path) -> None:
    reader = Caller("AKIDBEN", "ben", ("ab*",), frozenset({"read"}))
    deployment = Deployment(tmp_path, ALL, reader)
    deployment.create()
    deployment.create("Other")
    sagemaker = deployment.client(reader)
    assert [each["PipelineName"] for each in sagemaker.list_pipelines()["PipelineSummaries"]] == ["Abalone"]
    assert sagemaker.describe_pipeline(PipelineName="Abalone")["PipelineArn"] == ARN
    for call, request in (
        (sagemaker.describe_pipeline, {"PipelineName": "Other"}),
        (sagemaker.describe_pipeline, {"PipelineName": "NotThere"}),
        (sagemaker.delete_pipeline, {"PipelineName": "Abalone"}),
        (sagemaker.start_pipeline_execution, {"PipelineName": "Abalone"}),
        (sagemaker.add_tags, {"ResourceArn": ARN, "Tags": []}),
    ):
        code, message = refused(call, **request)
        assert (code, "user ben is not authorized" in message) == ("AccessDeniedException", True)
    assert [each[:3] for each in deployment.audited if each[0] == "ben"] == [
        ("ben", "DeletePipeline", "Abalone"),
        ("ben", "StartPipelineExecution", "Abalone"),
        ("ben", "AddTags", "Abalone"),
    ]
    assert {each[3].get("error") for each in deployment.audited if each[0] == "ben"} == {"AccessDeniedException"}


def test_a_name_that_airflow_cannot_have_is_refused(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    deployment.create("a" * 250)
    for length in (251, 256):
        code, message = refused(deployment.create, name="a" * length)
        assert (code, "at most 250" in message) == ("ValidationException", True)
        assert refused(sagemaker.update_pipeline, PipelineName="a" * length)[0] == "ResourceNotFound"
    for name in ("a" * 251, "a" * 1000, "..", "../execution/x", "abalone/execution/x"):
        arn = f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/{name}"
        assert refused(sagemaker.update_pipeline_version, PipelineArn=arn, PipelineVersionId=1)[0] == "ResourceNotFound"
        of_it = refused(sagemaker.describe_pipeline_execution, PipelineExecutionArn=f"{arn}/execution/0123456789ab")
        assert of_it[0] == "ResourceNotFound"
    outside = f"arn:aws:sagemaker:{REGION}:123456789012:pipeline/../execution/x"
    assert refused(sagemaker.describe_pipeline, PipelineName=outside)[0] == "ResourceNotFound"


def test_pages_go_on_where_the_last_pipeline_of_a_page_has_gone(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    for name in ("a", "b", "c", "d"):
        deployment.create(name)
    for order, rest in (({"SortBy": "Name", "SortOrder": "Ascending"}, ["c", "d"]), ({}, ["a"])):
        first = sagemaker.list_pipelines(MaxResults=2, **order)
        last = first["PipelineSummaries"][-1]["PipelineName"]
        sagemaker.delete_pipeline(PipelineName=last)
        found = sagemaker.list_pipelines(NextToken=first["NextToken"], **order)
        assert [each["PipelineName"] for each in found["PipelineSummaries"]] == rest


@pytest.mark.parametrize(
    "position", ['["a"]', '["a", 1]', "7", '[1e999, "a"]', "[true]", "{}", "[[1]]", '["\\u0000", 1]']
)
def test_a_token_of_nobodys_is_refused(deployment: Deployment, position: str) -> None:
    sagemaker = deployment.client()
    for name in ("a", "b"):
        deployment.create(name)
    digest = json.loads(base64.b64decode(sagemaker.list_pipelines(MaxResults=1)["NextToken"]))[0]
    forged = base64.urlsafe_b64encode(f'["{digest}", {position}]'.encode()).decode()
    assert refused(sagemaker.list_pipelines, NextToken=forged)[0] == "ValidationException"


def test_what_is_denied_is_told_by_the_name_that_was_asked_for(tmp_path: Path) -> None:
    nobody = Caller("AKIDBEN", "ben", ("other",), frozenset({"read"}))
    deployment = Deployment(tmp_path, ALL, nobody)
    deployment.create("Abalone")
    words = refused(deployment.client(nobody).describe_pipeline, PipelineName="abalone")[1]
    assert words.endswith("on the pipeline abalone")
    assert refused(deployment.client(nobody).describe_pipeline, PipelineName="none")[1] == words.replace(
        "abalone", "none"
    )


def test_a_call_that_comes_twice_changes_nothing_that_was_done_between(deployment: Deployment) -> None:
    sagemaker = deployment.client()
    deployment.create(ClientRequestToken=TOKEN)
    delete = {"PipelineName": "Abalone", "ClientRequestToken": "d" * 32}
    for _ in range(2):
        assert sagemaker.delete_pipeline(**delete)["PipelineArn"] == ARN
    code, message = refused(deployment.create, ClientRequestToken=TOKEN)
    assert (code, "deleted since" in message) == ("ConflictException", True)
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
    deployment.create()
    assert sagemaker.delete_pipeline(**delete)["PipelineArn"] == ARN
    assert [each["PipelineName"] for each in sagemaker.list_pipelines()["PipelineSummaries"]] == ["Abalone"]
    assert refused(deployment.create, ClientRequestToken=TOKEN)[0] == "ValidationException"
    sagemaker.delete_pipeline(PipelineName="Abalone")
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []


def test_a_name_that_is_free_again_is_judged_as_it_is_asked_for(tmp_path: Path) -> None:
    reader = Caller("AKIDBEN", "ben", ("*",), frozenset({"read"}))
    deployment = Deployment(tmp_path, ALL, reader)
    deployment.create("Abalone")
    deployment.client().delete_pipeline(PipelineName="Abalone")
    new = {"PipelineName": "abalone", "PipelineDefinition": definition(), "RoleArn": ROLE}
    assert refused(deployment.client(reader).create_pipeline, **new)[0] == "AccessDeniedException"
    deployment.client().create_pipeline(**new)
    assert [each[:3] for each in deployment.audited[-2:]] == [
        ("ben", "CreatePipeline", "abalone"),
        ("anna", "CreatePipeline", "abalone"),
    ]


def test_a_pipeline_whose_files_were_spoilt_is_told_and_leaves_the_others_alone(
    deployment: Deployment, tmp_path: Path
) -> None:
    sagemaker = deployment.client()
    for name in ("Abalone", "other"):
        deployment.create(name)
    (tmp_path / "abalone.json").write_text("{")
    (tmp_path / "mine.json").write_text('{"Steps": []}')
    assert [each["PipelineName"] for each in sagemaker.list_pipelines()["PipelineSummaries"]] == ["other"]
    for call, request in (
        (sagemaker.describe_pipeline, {"PipelineName": "abalone"}),
        (sagemaker.delete_pipeline, {"PipelineName": "abalone"}),
        (sagemaker.list_tags, {"ResourceArn": ARN}),
        (deployment.create, {"name": "abalone"}),
    ):
        code, message = refused(call, **request)
        assert (code, "abalone.json" in message) == ("ConflictException", True)
    code, message = refused(deployment.create, name="mine")
    assert (code, "mine.json" in message, "already exists" in message) == ("ConflictException", True, False)
    assert (tmp_path / "mine.json").read_text() == '{"Steps": []}'
