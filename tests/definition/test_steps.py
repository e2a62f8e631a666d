from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import Severity, read_definition
from airflow_sm_pipelines.definition.model import DependsOn, ParameterType
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.definition.step_types import NAME_ONLY_TYPES
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.step_type import StepType
from tests.definition.build import (
    condition,
    document,
    equals,
    errors,
    for_each,
    get,
    join,
    only,
    parameter,
    read,
    read_step,
    step,
)

S = "$.Steps[0]"
OUTPUT = {"OutputName": "o", "OutputType": "String"}
SETTINGS: dict[str, dict[str, object]] = {
    "Lambda": {"FunctionArn": "arn"},
    "Callback": {"SqsQueueUrl": "url"},
    "QualityCheck": {"CheckType": "DATA_QUALITY"},
    "ClarifyCheck": {"CheckType": "DATA_BIAS"},
}


def example(kind: str) -> dict[str, Any]:
    if kind == "ForEach":
        return for_each("A", (step("Body"),))
    return condition("A") if kind == "Condition" else step("A", kind, **SETTINGS.get(kind, {}))


@pytest.mark.parametrize("kind", [step_type.name for step_type in STEP_TYPES.built_in])
def test_every_step_type_is_read(kind: str) -> None:
    pipeline = read(example(kind), Parameters=[parameter("Items")])
    assert (pipeline.steps[0].type, pipeline.warnings) == (kind, ())


def test_common_keys() -> None:
    value = step(DisplayName="d", Description="t", DependsOn=["B"], RetryPolicies=[], CacheConfig=None)
    first = read_step(value, step("B"))
    assert (first.display_name, first.description, first.depends_on) == ("d", "t", (DependsOn("B", 0),))
    assert (first.retry_policies, first.cache, first.path) == ((), None, S)


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        (3, S, "expected a step, found the number 3"),
        ({"Type": "Fail", "Arguments": {}}, S, "a step needs the key 'Name'"),
        ({"Name": "A", "Arguments": {}}, S, "a step needs the key 'Type'"),
        ({"Name": "A", "Type": "Fail"}, S, "a step needs the key 'Arguments'"),
        (step(arguments=[]), f"{S}.Arguments", "expected an object, found an array"),
        ({**step(), "Arguments": None}, f"{S}.Arguments", "expected an object, found null"),
        ({**step(), "Name": 3}, f"{S}.Name", "expected a text, found the number 3"),
        ({**step(), "Name": None}, f"{S}.Name", "expected a text, found null"),
        (step(""), f"{S}.Name", "expected a text that is not empty"),
        (step("a b"), f"{S}.Name", "a step's name has 1 to 64 of A-Z, a-z, 0-9, '-' and '_', found 'a b'"),
        (step("a" * 65), f"{S}.Name", "a step's name has 1 to 64"),
        ({**step(), "Type": []}, f"{S}.Type", "expected a text, found an array"),
        (step(DisplayName="d" * 257), f"{S}.DisplayName", "at most 256 characters are allowed, found 257"),
        (step(Description="d" * 3073), f"{S}.Description", "at most 3072 characters are allowed, found 3073"),
        (step(DisplayName=get("Parameters.x")), f"{S}.DisplayName", "expected a text, found the expression"),
        (step(DependsOn="B"), f"{S}.DependsOn", "expected an array of step names, found the text 'B'"),
        (
            step(DependsOn=[3]),
            f"{S}.DependsOn[0]",
            "expected a step's name or an object with Step and Trigger, found the number 3",
        ),
        (step("A", "Lambda"), S, "a Lambda step needs the key 'FunctionArn'"),
        (step("A", "Callback", SqsQueueUrl=None), f"{S}.SqsQueueUrl", "expected a text or an expression, found null"),
        (step("A", "Lambda", FunctionArn=3), f"{S}.FunctionArn", "expected a text or an expression, found the number"),
        (step("A", "QualityCheck"), S, "a QualityCheck step needs the key 'CheckType'"),
        (
            step("A", "QualityCheck", CheckType="DATA_BIAS"),
            f"{S}.CheckType",
            "'DATA_BIAS' is no CheckType of a QualityCheck step; expected one of DATA_QUALITY, MODEL_QUALITY",
        ),
        (step("A", "ClarifyCheck", CheckType=3), f"{S}.CheckType", "expected a literal text, found the number 3"),
        (
            step("A", "ClarifyCheck", CheckType="DATA_BIAS", SkipCheck="yes"),
            f"{S}.SkipCheck",
            "expected true, false or an expression, found the text 'yes'",
        ),
        (
            step("A", "Lambda", FunctionArn="f", OutputParameters={}),
            f"{S}.OutputParameters",
            "expected an array of output parameters, found an object",
        ),
        (
            step("A", "Lambda", FunctionArn="f", OutputParameters=[{"OutputName": "o"}]),
            f"{S}.OutputParameters[0]",
            "an output parameter needs the key 'OutputType'",
        ),
        (
            step("A", "Lambda", FunctionArn="f", OutputParameters=[{**OUTPUT, "OutputType": "Number"}]),
            f"{S}.OutputParameters[0].OutputType",
            "'Number' is no output type; expected one of String, Integer, Float, Boolean",
        ),
        (
            step("A", "Callback", SqsQueueUrl="f", OutputParameters=[OUTPUT, OUTPUT]),
            f"{S}.OutputParameters[1].OutputName",
            "the output parameter 'o' stands twice in this step",
        ),
    ],
)
def test_each_wrong_step_is_a_finding(value: object, path: str, message: str) -> None:
    finding = only(document(value))
    assert (finding.path, finding.severity) == (path, Severity.ERROR)
    assert finding.message.startswith(message)


def test_steps_are_an_array() -> None:
    assert only({"Steps": {}}).message == "expected an array of steps, found an object"
    assert only({"Steps": None}).path == "$.Steps"
    assert read_definition({"Steps": []}).steps == ()


def test_unknown_types() -> None:
    finding = only(document(step(kind="Traning")))
    assert (finding.path, finding.suggestion) == ("$.Steps[0].Type", "Training")
    assert only(document(step(kind="Pass"))).severity is Severity.ERROR
    for kind in (*NAME_ONLY_TYPES, "Pass"):
        register = f"register_step_type(StepType(name={kind!r}, operator=...))"
        assert register in only(document(step(kind=kind))).message


def test_registered_types_are_known_and_keep_their_keys() -> None:
    known = {"Pass": StepType("Pass")}
    pipeline = read_definition(document(step(kind="Pass", Own=join("a"))), step_types=known)
    assert pipeline.warnings == ()
    assert list(pipeline.steps[0].settings) == ["Own"]
    assert only(document(step(kind="Pas")), step_types=known).suggestion == "Pass"


@pytest.mark.parametrize("kind", ["Pass", "Athena"])
def test_unknown_types_can_be_placeholders(kind: str) -> None:
    own = document(step(kind=kind, arguments={"a": 1}, Own=2))
    pipeline = read_definition(own, step_types=STEP_TYPES, unsupported_steps="placeholder")
    assert (pipeline.steps[0].type, pipeline.steps[0].arguments, pipeline.steps[0].settings) == (
        kind,
        {"a": 1},
        {"Own": 2},
    )
    assert [finding.severity for finding in pipeline.warnings] == [Severity.WARNING]


def test_settings_keep_null_and_expressions() -> None:
    value = step(
        "A", "QualityCheck", CheckType="MODEL_QUALITY", ModelPackageGroupName=None, SkipCheck=get("Parameters.p")
    )
    settings = read_step(value, Parameters=[parameter("p", "Boolean")]).settings
    assert list(settings) == ["CheckType", "ModelPackageGroupName", "SkipCheck"]
    assert settings["ModelPackageGroupName"] is None


def test_output_parameters_have_types() -> None:
    outputs = [{"OutputName": kind.value, "OutputType": kind.value} for kind in ParameterType]
    first = read_step(step("A", "Lambda", FunctionArn="f", OutputParameters=outputs))
    assert output_parameters(first) == {kind.value: kind for kind in ParameterType}
    assert output_parameters(read_step(step())) == {}


def test_conditions_and_branches_have_a_shape() -> None:
    nothing = errors(document(step("C", "Condition", {"IfSteps": {}, "ElseSteps": None, "Condition": 1})))
    assert nothing == [
        ("$.Steps[0].Arguments", "a Condition step's Arguments needs the key 'Conditions'"),
        ("$.Steps[0].Arguments.IfSteps", "expected an array of steps, found an object"),
    ]
    first = read_step(condition("C", (equals(),), (step("Y"),), (condition("D", (), (step("N"),)),)))
    assert first.branches is not None
    assert [inner.name for inner in first.inner_steps] == ["Y", "D"]
    assert first.branches.else_steps[0].inner_steps[0].path == (
        "$.Steps[0].Arguments.ElseSteps[0].Arguments.IfSteps[0]"
    )
    assert [inner.name for inner in read(condition("C", (), (step("Y"),), (step("N"),)), step("Z")).all_steps] == [
        *"CYNZ"
    ]
