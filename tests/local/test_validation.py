from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.samples import (
    automl_request,
    model_request,
    processing_request,
    training_request,
    transform_request,
    tuning_request,
)
from airflow_sm_pipelines.local.validation import check_request
from airflow_sm_pipelines.wire.patterns import compiled, satisfies


def refusal(action: str, request: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(AwsError) as caught:
        check_request(action, request)
    assert caught.value.shape.status == 400
    return caught.value.shape.code, caught.value.shape.message


def finding(**changes: Any) -> str:
    code, message = refusal("CreateTrainingJob", training_request("job", **changes))
    assert code == "ValidationException"
    head, _, rest = message.partition(" detected: ")
    assert head == "1 validation error"
    return rest


def test_samples_are_valid() -> None:
    check_request("CreateTrainingJob", training_request("job"))
    check_request("CreateProcessingJob", processing_request("job", "out"))
    check_request("CreateModel", model_request("job"))
    check_request("CreateTransformJob", transform_request("job", "model"))
    check_request("CreateHyperParameterTuningJob", tuning_request("job"))
    check_request("CreateAutoMLJob", automl_request("job"))


def test_pattern() -> None:
    assert finding(RoleArn="arn:aws:iam::x:role/y-z-0") == (
        "Value 'arn:aws:iam::x:role/y-z-0' at 'roleArn' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: arn:aws[a-z\-]*:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
    )


def test_pattern_means_the_whole_value() -> None:
    assert "at 'trainingJobName'" in finding(TrainingJobName="good_bad")
    assert "at 'trainingJobName'" in finding(TrainingJobName="good\n")


def test_length_and_pattern_are_two_findings() -> None:
    code, message = refusal("StopTrainingJob", {"TrainingJobName": "_" * 64})
    assert code == "ValidationException"
    assert message.startswith("2 validation errors detected: Value '____")
    assert "at 'trainingJobName' failed to satisfy constraint: Member must have length less than or equal to 63; " in (
        message
    )


def test_required() -> None:
    request = training_request("job")
    del request["RoleArn"]
    _, message = refusal("CreateTrainingJob", request)
    assert message == (
        "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    )


def test_enumeration_in_a_nested_member() -> None:
    specification = {"TrainingImage": "x", "TrainingInputMode": "Sieve"}
    assert finding(AlgorithmSpecification=specification) == (
        "Value 'Sieve' at 'algorithmSpecification.trainingInputMode' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Pipe, File, FastFile]"
    )


def test_range() -> None:
    assert finding(StoppingCondition={"MaxRuntimeInSeconds": 0}) == (
        "Value '0' at 'stoppingCondition.maxRuntimeInSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 1"
    )


def test_member_of_a_list() -> None:
    assert finding(Tags=[{"Key": "a", "Value": "b"}, {"Key": "", "Value": "b"}]) == (
        "Value '' at 'tags.2.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_scalar_in_a_list() -> None:
    text = finding(VpcConfig={"SecurityGroupIds": ["sg 1"], "Subnets": ["s"]})
    assert text.startswith(
        "Value '[sg 1]' at 'vpcConfig.securityGroupIds' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy regular expression pattern: "
    )


def test_value_of_a_map() -> None:
    assert finding(HyperParameters={"a": "x" * 2501}).endswith(
        "at 'hyperParameters' failed to satisfy constraint: "
        "Map value must satisfy constraint: [Member must have length less than or equal to 2500]"
    )


def test_unknown_member() -> None:
    assert finding(ResourceConfig={"InstanceKind": "x"}) == (
        "Value 'x' at 'resourceConfig.instanceKind' failed to satisfy constraint: Member is not known"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RoleArn": 1}, "NUMBER_VALUE can not be converted to a String"),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": "60"}},
            "STRING_VALUE can not be converted to an Integer",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 1.5}},
            "DECIMAL_VALUE can not be converted to an Integer",
        ),
        ({"EnableNetworkIsolation": "true"}, "STRING_VALUE can not be converted to a Boolean"),
        ({"Environment": ["a"]}, "START_ARRAY can not be converted to a structure or map"),
        ({"Environment": {"a": True}}, "TRUE_VALUE can not be converted to a String"),
        ({"Tags": {"a": "b"}}, "START_OBJECT can not be converted to a List"),
        ({"Tags": [None]}, "NULL_VALUE can not be converted to a structure or map"),
    ],
)
def test_json_types(changes: dict[str, Any], message: str) -> None:
    found = refusal("CreateTrainingJob", training_request("job", **changes))
    assert found == ("SerializationException", message)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (
            r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)",
            ["", "a B:1", "\u00fcml \u0416", "\U00020000"],
            ["a#", "\u00fc#"],
        ),
        (r"([\p{L}]*)${1,128}", ["abc", "\u00e9"], ["a1"]),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", ["a\t", "\U0001f600"], ["a\n"]),
        (r"arn:[\p{Alnum}\-]+:x", ["arn:aws-cn:x"], ["arn:a_b:x"]),
        (r"\d+", ["12"], ["\u0661", "12\n"]),
        (r"[broken", ["anything"], []),
        (r"\p{Nonsense}", ["anything"], []),
    ],
)
def test_patterns(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [value for value in good if not satisfies(pattern, value)] == []
    assert [value for value in bad if satisfies(pattern, value)] == []


def test_every_pattern_of_the_model_compiles() -> None:
    from botocore.loaders import Loader

    shapes = Loader().load_service_model("sagemaker", "service-2")["shapes"].values()
    patterns = {shape["pattern"] for shape in shapes if "pattern" in shape}
    assert len(patterns) > 200
    # One that does not would accept everything.
    assert [text for text in patterns if compiled(text, ascii_only=True) is None] == []
    assert [text for text in patterns if compiled(text, ascii_only=False) is None] == []
