"""Keys that AWS's request lacks are warnings, or errors where that is asked for; and policies without effect."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Finding, Severity
from airflow_sm_pipelines.graph import plan
from tests.definition.build import condition, document, for_each, get, join, parameter, step


def warnings(*steps: Any, **keys: Any) -> tuple[Finding, ...]:
    found = plan(document(*steps, **keys)).pipeline.warnings
    assert all(finding.severity is Severity.WARNING for finding in found)
    return found


@pytest.mark.parametrize(
    ("arguments", "key", "near"),
    [
        ({"RoleArm": "r"}, "RoleArm", "RoleArn"),
        ({"ResourceConfig": {"InstanceCont": 1, "InstanceCount": 1}}, "ResourceConfig.InstanceCont", "InstanceType"),
        ({"InputDataConfig": [{}, {"ChanelName": "a"}]}, "InputDataConfig[1].ChanelName", "ChannelName"),
        ({"Tags": [{"Key": "a", "Values": "b"}]}, "Tags[0].Values", "Value"),
        ({"RemoteDebugConfig": {"On:": True}}, "RemoteDebugConfig['On:']", None),
    ],
)
def test_a_key_that_the_request_lacks(arguments: dict[str, Any], key: str, near: str | None) -> None:
    [finding] = warnings(condition(yes=(step("T", arguments=arguments),)))
    assert finding.path == f"$.Steps[0].Arguments.IfSteps[0].Arguments.{key}"
    assert finding.step == "T"
    assert finding.suggestion == near
    assert "of CreateTrainingJob" in finding.message or "CreateTrainingJob has no" in finding.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"HyperParameters": {"any": "key", "at:all": "x"}, "Environment": {"X": "y"}},
        {"ResourceConfig": get("Parameters.Config"), "RoleArn": join("a", "b")},
        {"InputDataConfig": [get("Parameters.Config"), {"ChannelName": get("Parameters.Config")}]},
        {"TrainingJobName": "prefix", "Tags": "not an array", "ResourceConfig": ["nor an object"], "RoleArn": {}},
    ],
)
def test_free_maps_expressions_and_values_of_another_form_are_not_looked_into(arguments: dict[str, Any]) -> None:
    assert warnings(step(arguments=arguments), Parameters=[parameter("Config")]) == ()


def test_types_without_a_request_of_their_own_are_not_checked() -> None:
    steps = [step("L", "Lambda", {"any": 1}, FunctionArn="f"), step("R", "Lineage", {"any": 1})]
    assert warnings(*steps) == ()


OF_V2 = {"AutoMLJobInputDataConfig": [{"ChannelType": "training"}]}


@pytest.mark.parametrize(
    ("arguments", "unknown"),
    [
        (
            {"InputDataConfig": [{"TargetAttributeName": "y"}], "AutoMLJobInputDataConfig": None},
            ["AutoMLJobInputDataConfig"],
        ),
        ({"InputDataConfig": [{"TargetAttributeNam": "y"}]}, ["InputDataConfig[0].TargetAttributeNam"]),
        ({**OF_V2, "AutoMLProblemTypeConfig": {"TabularJobConfig": {"TargetAttributeName": "y"}}}, []),
        ({**OF_V2, "SecurityConfig": {}, "DataSplitConfig": {"ValidationFraction": 0.2}}, []),
        ({**OF_V2, "AutoMLJobConfig": {}}, ["AutoMLJobConfig"]),
    ],
)
def test_the_arguments_of_either_version_of_automl(arguments: dict[str, Any], unknown: list[str]) -> None:
    found = warnings(step("A", "AutoML", arguments))
    assert [finding.path.removeprefix("$.Steps[0].Arguments.") for finding in found if finding.on_key] == unknown
    version = "CreateAutoMLJob" if "InputDataConfig" in arguments else "CreateAutoMLJobV2"
    assert all(f"{version} has no such member" in finding.message for finding in found)


def test_a_loop_body_is_checked() -> None:
    [finding] = warnings(for_each(body=(step("B", arguments={"x": 1}),)), Parameters=[parameter("Items")])
    assert finding.path == "$.Steps[0].Arguments.ForEachBody[0].Arguments.x"


def test_unknown_keys_can_be_errors() -> None:
    with pytest.raises(DefinitionError) as raised:
        plan(document(step(arguments={"RoleArm": "r"})), unsupported_keys="error")
    [finding] = raised.value.findings
    assert finding.path == "$.Steps[0].Arguments.RoleArm"


def test_the_place_is_that_of_the_key() -> None:
    text = '{"Steps": [{"Name": "A", "Type": "Model", "Arguments": {\n  "ExecutionRole": "r"}}]}'
    [finding] = plan(text).pipeline.warnings
    assert (finding.line, finding.column) == (2, 3)


JOB_POLICY = {"ExceptionType": ["Step.THROTTLING", "SageMaker.CAPACITY_ERROR"]}
CALL_POLICY = {"ExceptionType": ["Step.THROTTLING"]}


@pytest.mark.parametrize(
    ("value", "path", "part"),
    [
        (step(kind="Model", RetryPolicies=[CALL_POLICY, JOB_POLICY]), "RetryPolicies[1].ExceptionType", "CAPACITY"),
        (step(kind="Endpoint", RetryPolicies=[CALL_POLICY]), "RetryPolicies", "honours no RetryPolicies on Endpoint"),
        (step(kind="Model", CacheConfig={"Enabled": True, "ExpireAfter": "1d"}), "CacheConfig", "no results of Model"),
        (step(kind="Job", CacheConfig={"Enabled": True, "ExpireAfter": "1d"}), "CacheConfig", "no results of Job"),
    ],
)
def test_policies_without_effect(value: Any, path: str, part: str) -> None:
    [finding] = warnings(value)
    assert finding.path == f"$.Steps[0].{path}"
    assert part in finding.message


def test_policies_with_effect() -> None:
    cache = {"Enabled": True, "ExpireAfter": "1d"}
    off = {"Enabled": False}
    assert (
        warnings(
            step("A", RetryPolicies=[JOB_POLICY], CacheConfig=cache),
            step("B", "Model", RetryPolicies=[CALL_POLICY], CacheConfig=off),
            step("C", "Endpoint", RetryPolicies=[]),
            step("D", "Job", RetryPolicies=[JOB_POLICY]),
        )
        == ()
    )


@pytest.mark.timeout(60)  # a guard against guesses that grow with the square
def test_thousands_of_unknown_keys_are_told_in_little_time() -> None:
    arguments = {f"TrainingJobNam{index}": 1 for index in range(20_000)}
    wrong = {f"Resource{index}": get(f"Steps.A.TrainingJobNam{index}") for index in range(20_000)}
    with pytest.raises(DefinitionError) as raised:
        plan(document(step("A", arguments=arguments), step("B", arguments={"Environment": wrong})))
    assert raised.value.message == "definition: 40001 findings"
    assert len(raised.value.findings) == 402
    assert sum(finding.suggestion is not None for finding in raised.value.findings) > 10
