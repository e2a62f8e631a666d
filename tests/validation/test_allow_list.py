"""What a deployment lets definitions name: literals are judged when a definition is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.validation.allow_list import AllowList
from tests.definition.build import planned
from tests.runs.harness import ROLE, get, pipeline, processing, training

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:ml-*"


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        ("arn:aws:lambda:eu-west-1:123456789012:function:ml-score", True),
        ("arn:aws:lambda:eu-west-1:123456789012:function:ml-score:PROD", True),
        ("arn:aws:lambda:us-east-1:123456789012:function:ml-score", False),
        ("arn:aws:lambda:eu-west-1:999999999999:function:ml-score", False),
        ("123456789012:function:ml-score:3", True),
        ("999999999999:function:ml-score", False),
        ("function:ml-score", True),
        ("ml-score:PROD", True),
        ("other", False),
        ("arn:aws:lambda", False),
    ],
)
def test_functions_by_arn_partial_arn_and_name(function: str, allowed: bool) -> None:
    assert (AllowList(lambda_arns=(FUNCTION,)).refuse_function(function) is None) is allowed


@pytest.mark.parametrize("glob", ["*", "arn:aws:lambda:eu-west-1:*", "arn:*:lambda:*:*:function:*"])
def test_a_short_glob_of_functions_goes_to_the_end(glob: str) -> None:
    allowed = AllowList(lambda_arns=(glob,))
    assert allowed.refuse_function("arn:aws:lambda:eu-west-1:123456789012:function:f:1") is None
    assert allowed.refuse_function("f") is None


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("arn:aws:iam::123456789012:role/ml/Train", True),
        ("arn:aws:iam::999999999999:role/ml/Train", False),
        ("ml/Train", True),
        ("EMR_DefaultRole", False),
    ],
)
def test_roles_by_arn_and_name(role: str, allowed: bool) -> None:
    assert (AllowList(role_arns=("arn:aws:iam::123456789012:role/ml/*",)).refuse_role(role) is None) is allowed


@pytest.mark.parametrize(
    ("uri", "allowed"),
    [
        ("s3://ml/reports/a.json", True),
        ("s3://ml/reports", False),
        ("s3://ml-evil/reports/a.json", False),
        ("s3://team-7/x", True),
        ("https://ml/reports/a", False),
    ],
)
def test_places_in_s3(uri: str, allowed: bool) -> None:
    assert (AllowList(s3_prefixes=("s3://ml/reports/", "s3://team-*/")).refuse_s3(uri) is None) is allowed


def test_the_region_of_a_function_and_of_a_queue_counts() -> None:
    allowed = AllowList(regions=("eu-*",))
    assert allowed.refuse_function("arn:aws:lambda:us-east-1:123456789012:function:f") is not None
    assert allowed.refuse_queue("https://sqs.us-east-1.amazonaws.com/123456789012/q") is not None
    assert allowed.refuse_queue("https://us-east-1.queue.amazonaws.com/123456789012/q") is not None
    assert allowed.refuse_queue("https://sqs.eu-west-1.amazonaws.com/123456789012/q") is None


def test_the_settings_of_the_environment() -> None:
    found = AllowList.of_environment({"AIRFLOW__SAGEMAKER_PIPELINES__ALLOWED_REGIONS": "eu-west-1, eu-north-1"})
    assert found == AllowList(regions=("eu-west-1", "eu-north-1"))


def findings(definition: dict[str, Any], allowed: AllowList) -> list[tuple[str, str | None]]:
    with pytest.raises(DefinitionError) as error:
        planned(definition, allowed=allowed)
    assert all("[sagemaker_pipelines] allowed_" in finding.message for finding in error.value.findings)
    return [(finding.path, finding.step) for finding in error.value.findings]


TUNING = {
    "Name": "Tune",
    "Type": "Tuning",
    "Arguments": {
        "HyperParameterTuningJobConfig": {"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 1}},
        "TrainingJobDefinitions": [{"RoleArn": ROLE}, {"RoleArn": "arn:aws:iam::123456789012:role/other"}],
    },
}


def test_every_literal_that_is_not_allowed_is_a_finding_with_its_place() -> None:
    function = {"Name": "F", "Type": "Lambda", "FunctionArn": "score", "Arguments": {}}
    queue = "https://sqs.eu-west-1.amazonaws.com/123456789012/q"
    callback = {"Name": "C", "Type": "Callback", "SqsQueueUrl": queue, "Arguments": {}}
    read = {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.Report"), "Path": "a"}}
    direct = {"Std:JsonGet": {"S3Uri": "s3://elsewhere/x.json", "Path": "a"}}
    steps = (
        processing("P"),
        training("T", Arguments={"HyperParameters": {"a": read, "b": direct}}),
        TUNING,
        function,
        callback,
    )
    definition = pipeline(*steps)
    planned(definition, allowed=AllowList())
    assert findings(definition, AllowList(step_types=("Processing", "T*", "Callback"))) == [("$.Steps[3].Type", "F")]
    assert findings(definition, AllowList(role_arns=(ROLE,))) == [
        ("$.Steps[2].Arguments.TrainingJobDefinitions[1].RoleArn", "Tune")
    ]
    assert findings(definition, AllowList(lambda_arns=(FUNCTION,))) == [("$.Steps[3].FunctionArn", "F")]
    assert findings(definition, AllowList(queue_urls=("https://*/ml-*",))) == [("$.Steps[4].SqsQueueUrl", "C")]
    assert findings(definition, AllowList(s3_prefixes=("s3://none/",))) == [
        ("$.Steps[1].Arguments.HyperParameters.a", "T"),
        ("$.Steps[1].Arguments.HyperParameters.b", "T"),
    ]


def test_a_step_inside_a_loop_or_a_branch_is_judged_too() -> None:
    inner = training("T")
    loop = {
        "Name": "L",
        "Type": "ForEach",
        "Arguments": {"IterableItems": get("Parameters.Items"), "MaxConcurrency": 2, "ForEachBody": [inner]},
    }
    items = [{"Name": "Items", "Type": "String", "DefaultValue": "[1]"}]
    found = findings(pipeline(loop, Parameters=items), AllowList(role_arns=("arn:aws:iam::1:role/x",)))
    assert found == [("$.Steps[0].Arguments.ForEachBody[0].Arguments.RoleArn", "T")]


def test_the_role_of_a_describe_response_is_judged() -> None:
    wrapper = {"PipelineName": "p", "RoleArn": ROLE, "PipelineDefinition": pipeline(training("T"))}
    found = findings(wrapper, AllowList(role_arns=("arn:aws:iam::1:role/x",)))
    assert found == [("$.RoleArn", None), ("$.Steps[0].Arguments.RoleArn", "T")]
