"""What SageMaker has registered, as documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.definition import read_definition
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.store.registered import RegisteredPipelines, document_text
from tests.store.http_service import HttpService, serving
from tests.store.registering import BROKEN, DEFINITION, ROLE, pipelines, register


def test_pages_are_followed(local_endpoint: LocalEndpoint) -> None:
    for number in range(5):
        register(local_endpoint, f"p{number}")
    found = [each.name for each in pipelines(local_endpoint, page_size=2).listed()]
    assert found == ["p0", "p1", "p2", "p3", "p4"]
    pages = [request.parameters for request in local_endpoint.requests("sagemaker", "ListPipelines")]
    assert [page["MaxResults"] for page in pages] == [2, 2, 2]
    assert [page.get("NextToken") for page in pages] == [None, "2", "4"]


def test_those_with_all_tags(local_endpoint: LocalEndpoint) -> None:
    register(local_endpoint, "both", tags={"team": "fraud", "stage": "prod"})
    register(local_endpoint, "one", tags={"team": "fraud"})
    register(local_endpoint, "other", tags={"team": "churn", "stage": "prod"})
    registered = pipelines(local_endpoint)
    assert [each.name for each in registered.tagged(registered.listed(), {"team": "fraud"})] == ["both", "one"]
    assert [each.name for each in registered.tagged(registered.listed(), {"team": "fraud", "stage": "prod"})] == [
        "both"
    ]


def test_a_document_has_what_describe_pipeline_says(local_endpoint: LocalEndpoint) -> None:
    parallel = {"MaxParallelExecutionSteps": 3}
    register(local_endpoint, "abalone", ParallelismConfiguration=parallel, PipelineDescription="Ages of abalone")
    [fetched] = pipelines(local_endpoint).fetch(["abalone"])
    assert fetched.text is not None
    document = json.loads(fetched.text)
    assert document["PipelineDefinition"] == DEFINITION
    assert {key: document[key] for key in document if key != "PipelineDefinition"} == {
        "PipelineArn": "arn:aws:sagemaker:us-east-1:123456789012:pipeline/abalone",
        "PipelineName": "abalone",
        "PipelineDisplayName": "abalone",
        "PipelineDescription": "Ages of abalone",
        "RoleArn": ROLE,
        "ParallelismConfiguration": parallel,
    }
    read = read_definition(fetched.text)
    assert (read.name, read.description, read.role_arn, read.max_parallel_steps) == (
        "abalone",
        "Ages of abalone",
        ROLE,
        3,
    )
    assert read.digest == read_definition(DEFINITION).digest


def test_an_arn_names_a_pipeline_too() -> None:
    arn = "arn:aws:sagemaker:us-east-1:210987654321:pipeline/abalone"
    with serving() as service:
        service.answers["DescribePipeline"] = lambda _: {"PipelineName": "abalone", "PipelineDefinition": "{}"}
        [fetched] = RegisteredPipelines(service.client).fetch([arn])
        assert service.asked == [("DescribePipeline", {"PipelineName": arn})]
    assert fetched.name == "abalone"


def test_the_last_run_changes_no_document(local_endpoint: LocalEndpoint) -> None:
    register(local_endpoint, "abalone")
    first = pipelines(local_endpoint).fetch(["abalone"])
    assert "Time" not in (first[0].text or "")
    assert pipelines(local_endpoint).fetch(["abalone"]) == first


@pytest.mark.parametrize(
    "text",
    ["{", '{"Version": "2020-12-01", "Version": "2", "Steps": []}', '{"Steps": [], "Metadata": {"a": 1e999}}', "[]"],
)
def test_a_definition_that_json_cannot_write_again_stays_a_text(text: str) -> None:
    assert json.loads(document_text({"PipelineName": "a"}, text))["PipelineDefinition"] == text


def test_half_a_surrogate_pair_is_written_as_an_escape() -> None:
    text = document_text({"PipelineName": "ä"}, r'{"Steps": [], "Metadata": {"a": "\ud800"}}')
    assert text.isascii()
    assert json.loads(text)["PipelineDefinition"]["Metadata"] == {"a": "\ud800"}
    assert "ä" in document_text({"PipelineDescription": "ä"}, "{}")


def test_one_that_is_not_there_is_gone(local_endpoint: LocalEndpoint) -> None:
    [fetched] = pipelines(local_endpoint).fetch(["nobody"])
    assert fetched.is_gone
    assert fetched.failure is None


def test_a_refusal_concerns_one_pipeline_and_an_outage_all(local_endpoint: LocalEndpoint) -> None:
    for name in ("a", "b"):
        register(local_endpoint, name)
    local_endpoint.add_fault(action="DescribePipeline", name="b", error="AccessDeniedException")
    a, b = pipelines(local_endpoint).fetch(["a", "b"])
    assert (a.failure, b.failure) == (None, "AccessDeniedException: AccessDeniedException")
    local_endpoint.add_fault(action="DescribePipeline", name="b", error="ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        pipelines(local_endpoint).fetch(["a", "b"])
    local_endpoint.add_fault(action="DescribePipeline", name="b", drop="before")
    with pytest.raises(BotoCoreError):
        pipelines(local_endpoint).fetch(["a", "b"])


def test_a_throttle_that_passes_is_waited_for(local_endpoint: LocalEndpoint) -> None:
    register(local_endpoint, "a")
    local_endpoint.add_fault(action="DescribePipeline", error="ThrottlingException")
    [fetched] = pipelines(local_endpoint, attempts=2).fetch(["a"])
    assert fetched.text is not None
    assert len(local_endpoint.requests("sagemaker", "DescribePipeline")) == 2


def test_one_that_is_being_deleted_and_a_strange_name() -> None:
    with serving() as service:
        described: dict[str, Any] = {"PipelineName": "a", "PipelineDefinition": json.dumps(BROKEN)}
        service.answers["DescribePipeline"] = lambda request: {**described, **request}
        described["PipelineStatus"] = "Deleting"
        [fetched] = RegisteredPipelines(service.client).fetch(["a"])
        assert fetched.is_gone
        service.answers["DescribePipeline"] = lambda request: {**described, "PipelineName": "../a"}
        [fetched] = RegisteredPipelines(service.client).fetch(["a"])
        assert fetched.failure == "SageMaker gave a name that no pipeline can have: '../a'"
        service.answers["DescribePipeline"] = lambda request: {"PipelineName": "a"}
        [fetched] = RegisteredPipelines(service.client).fetch(["a"])
        assert fetched.failure == "SageMaker gave no PipelineDefinition"


@pytest.fixture
def telling_s3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A botocore whose DescribePipeline can tell a place in S3: its own can not, so far."""
    member = {"PipelineDefinitionS3Location": {"shape": "PipelineDefinitionS3Location"}}
    extras = {"version": 1.0, "merge": {"shapes": {"DescribePipelineResponse": {"members": member}}}}
    folder = tmp_path / "sagemaker" / "2017-07-24"
    folder.mkdir(parents=True)
    (folder / "service-2.sdk-extras.json").write_text(json.dumps(extras))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    return tmp_path


def test_a_definition_that_lies_in_s3_is_read_there(telling_s3: Path) -> None:
    def answer(service: HttpService, **location: str) -> str | None:
        place = {"Bucket": "bucket", "ObjectKey": "folder/abalone.json", **location}
        service.answers["DescribePipeline"] = lambda _: {"PipelineName": "a", "PipelineDefinitionS3Location": place}
        [fetched] = RegisteredPipelines(service.client).fetch(["a"])
        return fetched.failure or fetched.text

    with serving() as service:
        assert answer(service) == (
            "the definition in s3://bucket/folder/abalone.json cannot be read:"
            " NoSuchKey: The specified key does not exist."
        )
        service.objects["/bucket/folder/abalone.json"] = json.dumps(DEFINITION).encode()
        assert json.loads(answer(service) or "")["PipelineDefinition"] == DEFINITION
        service.objects["/bucket/folder/abalone.json?versionId=v1"] = b'{"Steps": []}'
        assert json.loads(answer(service, VersionId="v1") or "")["PipelineDefinition"] == {"Steps": []}
        service.objects["/bucket/folder/abalone.json"] = b'{"Steps": ["\xff"]}'
        assert "\\udcff" in (answer(service) or "")
        service.objects["/bucket/folder/abalone.json"] = b" " * (8 * 1_048_576 + 1)
        assert "is larger than 8388608 bytes" in (answer(service) or "")
