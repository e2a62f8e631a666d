"""What a Cleanup step may name, told at load; and what it waits for."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.definition.build import document, for_each, get, processing, step, training

TRANSFORM = step("B", "Transform", {"ModelName": "m"})


def cleanup(*entries: Any, **keys: Any) -> dict[str, Any]:
    return step("Tidy", "Cleanup", {"Resources": {"S3": list(entries)}}, **keys)


def told(*steps: Any) -> list[tuple[str, str]]:
    try:
        found = plan(document(*steps), values=WARNINGS).pipeline.warnings
    except DefinitionError as error:
        found = error.findings
    return [(f.path, f.message) for f in found if f.code in ("cleanup", "unknown-property")]


def sources(*entries: Any, extra: tuple[Any, ...] = ()) -> list[tuple[str, str]]:
    return told(training("T"), processing("P"), TRANSFORM, *extra, cleanup(*entries))


def test_what_can_be_cleaned_up_is_no_finding() -> None:
    assert sources({"StepName": "T"}, {"StepName": "P", "S3Uris": ["s3://b/x", get("Execution.PipelineName")]}) == []
    assert (
        sources({"StepName": "B", "S3Uris": ["s3://b/x"]}, {"StepName": "T", "S3Uris": ["s3://bucket/out/x/y"]}) == []
    )


@pytest.mark.parametrize(
    ("entry", "place", "text"),
    [
        ({"StepName": "X"}, ".StepName", "no other step 'X'"),
        ({"StepName": "Tidy"}, ".StepName", "no other step 'Tidy'"),
        ({"StepName": get("Parameters.P")}, ".StepName", "the name of a step"),
        ({}, ".StepName", "the name of a step"),
        ({"StepName": "P"}, ".StepName", "have to be named by S3Uris"),
        ({"StepName": "B"}, ".StepName", "have to be named by S3Uris"),
        ({"StepName": "T", "S3Uris": []}, ".S3Uris", "at least one"),
        ({"StepName": "T", "S3Uris": "s3://b/x"}, ".S3Uris", "at least one"),
        ({"StepName": "T", "S3Uris": [5]}, ".S3Uris[0]", "expected an S3 URI"),
        ({"StepName": "T", "S3Uris": [None]}, ".S3Uris[0]", "expected an S3 URI"),
        ({"StepName": "T", "S3Prefix": "s3://b/x"}, ".S3Prefix", "unknown member"),
        ({"StepName": "Vpc"}, ".StepName", "has a VpcConfig"),
        ({"StepName": "VpcP", "S3Uris": ["s3://b/x"]}, ".StepName", "has a VpcConfig"),
        ({"StepName": "L"}, ".StepName", "Lambda steps cannot be cleaned up"),
        ({"StepName": "Inner"}, ".StepName", "stands in the body of a ForEach"),
        ("T", "", "expected an object"),
    ],
)
def test_what_cannot_be_cleaned_up(entry: Any, place: str, text: str) -> None:
    vpc = {"VpcConfig": {"Subnets": ["s"], "SecurityGroupIds": ["g"]}}
    extra = (
        training("Vpc", **vpc),
        processing("VpcP", arguments={"NetworkConfig": vpc}),
        step("L", "Lambda", {}, FunctionArn="f"),
        for_each("Loop", body=(training("Inner"),)),
    )
    [(path, message)] = sources(entry, extra=extra)
    assert path.endswith(f"Arguments.Resources.S3[0]{place}")
    assert text in message


@pytest.mark.parametrize(
    "arguments",
    [{}, {"Resources": []}, {"Resources": {}}, {"Resources": {"S3": []}}, {"Resources": {"S3": {"StepName": "T"}}}],
)
def test_arguments_that_name_nothing(arguments: Any) -> None:
    assert told(training("T"), step("Tidy", "Cleanup", arguments))


def test_other_resources_are_not_left_alone_without_a_word() -> None:
    arguments = {"Resources": {"S3": [{"StepName": "T"}], "EFS": []}, "DryRun": True}
    assert len(told(training("T"), step("Tidy", "Cleanup", arguments))) == 2


def output(name: str, uri: Any) -> dict[str, Any]:
    return {
        "OutputName": name,
        "S3Output": {"S3Uri": uri, "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"},
    }


def test_literal_uris_that_every_run_refuses() -> None:
    made = processing("P", (), arguments={"ProcessingOutputConfig": {"Outputs": [output("o", "s3://b/o")]}})
    refused = ["s3://b/o/", "https://x/y", "s3://b/../x", "s3://b/o/../x", "s3://b/other/x", "s3://b/o", ""]
    found = told(made, cleanup({"StepName": "P", "S3Uris": [*refused, "s3://b/o/x", get("Execution.PipelineName")]}))
    path = "$.Steps[1].Arguments.Resources.S3[0].S3Uris"
    assert [place for place, _ in found] == [f"{path}[{index}]" for index in range(len(refused))]
    assert all("no run can delete this" in message for _, message in found)
    assert "not below an output that the step 'P' declares (s3://b/o)" in found[4][1]


@pytest.mark.parametrize(
    "outputs",
    [
        [output("o", "s3://b/o"), output("q", get("Execution.PipelineName"))],
        [output("o", "s3://b/o"), output("q", "s3://b/other/")],
        [],
    ],
)
def test_what_a_run_may_delete_is_no_finding(outputs: list[Any]) -> None:
    made = processing("P", (), arguments={"ProcessingOutputConfig": {"Outputs": outputs}})
    assert told(made, cleanup({"StepName": "P", "S3Uris": ["s3://b/other/x"]})) == []


def test_an_object_beside_the_models_of_a_training_step() -> None:
    train = training("T", OutputDataConfig={"S3OutputPath": "s3://b/out/"})
    uris = ["s3://b/out/run/model.tar.gz", "s3://b/out2/run/model.tar.gz"]
    [(path, _)] = told(train, cleanup({"StepName": "T", "S3Uris": uris}))
    assert path.endswith(".S3Uris[1]")


def test_what_was_likely_meant() -> None:
    misspelt = step("Tidy", "Cleanup", {"Resources": {"S3": [{"StepName": "Trian", "S3URIs": ["s3://b/x"]}], "s3": []}})
    with pytest.raises(DefinitionError) as caught:
        plan(document(training("Train"), misspelt), values=WARNINGS)
    found = [finding for finding in caught.value.findings if finding.code == "cleanup"]
    assert {finding.suggestion for finding in found} == {"Train", "S3Uris", "S3"}


def test_it_has_no_properties() -> None:
    reader = training("R", HyperParameters={"k": get("Steps.Tidy.CleanedSteps")})
    [(_, message)] = told(training("T"), cleanup({"StepName": "T"}), reader)
    assert "has no properties" in message


def test_the_sources_are_waited_for() -> None:
    tidy = cleanup({"StepName": "T"}, {"StepName": "P", "S3Uris": ["s3://b/x"]})
    planned = plan(document(training("T"), processing("P"), tidy), values=WARNINGS)
    assert [dependency.step for dependency in planned.graph.upstream["Tidy"]] == ["T", "P"]


def test_it_cannot_stand_in_a_loop() -> None:
    loop = for_each("Loop", body=(cleanup({"StepName": "T"}),))
    assert any("cannot stand in the body" in message for _, message in told(training("T"), loop))
