from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import Severity, read_definition
from airflow_sm_pipelines.definition.model import CacheConfig, ParameterType, PropertyFile, RetryPolicy
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.definition.step_types import NAME_ONLY_TYPES, STEP_TYPES
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
    processing,
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


@pytest.mark.parametrize("kind", STEP_TYPES)
def test_every_step_type_is_read(kind: str) -> None:
    pipeline = read(example(kind), Parameters=[parameter("Items")])
    assert (pipeline.steps[0].type, pipeline.warnings) == (kind, ())


def test_common_keys() -> None:
    value = step(DisplayName="d", Description="t", DependsOn=["B"], RetryPolicies=[], CacheConfig=None)
    first = read_step(value, step("B"))
    assert (first.display_name, first.description, first.depends_on) == ("d", "t", ("B",))
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
        (step(DependsOn=[3]), f"{S}.DependsOn[0]", "expected a step's name, found the number 3"),
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
    for kind in NAME_ONLY_TYPES:
        assert "register a step type" in only(document(step(kind=kind))).message


def test_registered_types_are_known_and_keep_their_keys() -> None:
    pipeline = read_definition(document(step(kind="Pass", Own=join("a"))), step_types=["Pass", "Athena"])
    assert pipeline.warnings == ()
    assert list(pipeline.steps[0].settings) == ["Own"]
    assert only(document(step(kind="Pas")), step_types=["Pass"]).suggestion == "Pass"


@pytest.mark.parametrize("kind", ["Pass", "Athena"])
def test_unknown_types_can_be_placeholders(kind: str) -> None:
    pipeline = read_definition(document(step(kind=kind, arguments={"a": 1}, Own=2)), unsupported_steps="placeholder")
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 1, "BackoffRate": 2.0, "MaxAttempts": 0},
            RetryPolicy(("Step.THROTTLING",), 1, 2.0, 0, None),
        ),
        (
            {"ExceptionType": "Emr.RESOURCE_LIMIT", "ExpireAfterMin": 14400},
            RetryPolicy(("Emr.RESOURCE_LIMIT",), expire_after_minutes=14400),
        ),
        (
            {"ExceptionType": ["SageMaker.JOB_CAPACITY_ERROR"], "MaxAttempts": 5.0, "ExpireAfterMin": 1},
            RetryPolicy(("SageMaker.JOB_CAPACITY_ERROR",), max_attempts=5, expire_after_minutes=1),
        ),
    ],
)
def test_retry_policies(value: object, expected: RetryPolicy) -> None:
    assert read_step(step(RetryPolicies=[value])).retry_policies == (expected,)


R = "$.Steps[0].RetryPolicies[0]"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"ExceptionType": []}, f"{R}.ExceptionType", "a retry policy names at least one exception type"),
        ({"ExceptionType": 3}, f"{R}.ExceptionType", "expected an array of exception types, found the number 3"),
        ({"ExceptionType": [3]}, f"{R}.ExceptionType[0]", "expected the name of an exception type"),
        ({"ExceptionType": ["Step.THROTLING"]}, f"{R}.ExceptionType[0]", "'Step.THROTLING' is no exception type"),
        ({"ExceptionType": "EMR.RESOURCE_LIMIT"}, f"{R}.ExceptionType", "'EMR.RESOURCE_LIMIT' is no exception type"),
        (
            {"IntervalSeconds": 43201},
            f"{R}.IntervalSeconds",
            "expected a number from 0 to 43200, found the number 43201",
        ),
        ({"IntervalSeconds": "1"}, f"{R}.IntervalSeconds", "expected a number from 0 to 43200, found the text '1'"),
        ({"BackoffRate": -0.5}, f"{R}.BackoffRate", "expected a number of at least 0, found the number -0.5"),
        ({"BackoffRate": True}, f"{R}.BackoffRate", "expected a number of at least 0, found true"),
        ({"MaxAttempts": 21}, f"{R}.MaxAttempts", "expected a number from 0 to 20, found the number 21"),
        ({"MaxAttempts": 1.5}, f"{R}.MaxAttempts", "expected a whole number, found the number 1.5"),
        ({"ExpireAfterMin": 14401}, f"{R}.ExpireAfterMin", "expected a number from 0 to 14400"),
        (
            {"MaxAttempts": get("Parameters.x")},
            f"{R}.MaxAttempts",
            "expected a number from 0 to 20, found the expression",
        ),
        ({"Retries": 1}, f"{R}.Retries", "unknown key 'Retries' of a retry policy"),
    ],
)
def test_each_wrong_policy_is_a_finding(change: dict[str, object], path: str, message: str) -> None:
    finding = only(document(step(RetryPolicies=[{"ExceptionType": ["Step.THROTTLING"], **change}])))
    assert finding.path == path
    assert finding.message.startswith(message)


def test_policies_have_a_shape() -> None:
    assert only(document(step(RetryPolicies={}))).path == "$.Steps[0].RetryPolicies"
    assert only(document(step(RetryPolicies=[1]))).path == R
    assert only(document(step(RetryPolicies=[{}]))).message == "a retry policy needs the key 'ExceptionType'"
    misspelt = [{"ExceptionType": ["Emr.RESORCE_LIMIT"]}]
    assert only(document(step(RetryPolicies=misspelt))).suggestion == "Emr.RESOURCE_LIMIT"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Enabled": True, "ExpireAfter": "30d"}, CacheConfig(True, "30d")),
        ({"Enabled": False}, CacheConfig(False)),
        ({"Enabled": False, "ExpireAfter": "whenever"}, CacheConfig(False, "whenever")),
    ],
)
def test_cache(value: object, expected: CacheConfig) -> None:
    pipeline = read(step(CacheConfig=value))
    assert (pipeline.steps[0].cache, pipeline.warnings) == (expected, ())


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ("x", f"{S}.CacheConfig", "expected an object with Enabled and ExpireAfter, found the text 'x'"),
        ({"ExpireAfter": "30d"}, f"{S}.CacheConfig", "CacheConfig needs the key 'Enabled'"),
        ({"Enabled": "true", "ExpireAfter": "1d"}, f"{S}.CacheConfig.Enabled", "expected true, false or an expression"),
        ({"Enabled": True, "ExpireAfter": 30}, f"{S}.CacheConfig.ExpireAfter", "expected a text, found the number 30"),
        ({"Enabled": True, "ExpireAfter": "30"}, f"{S}.CacheConfig.ExpireAfter", "'30' is no duration like P30D"),
        ({"Enabled": True}, f"{S}.CacheConfig", "Enabled without ExpireAfter"),
        ({"Enabled": False, "Expire": 1}, f"{S}.CacheConfig.Expire", "unknown key 'Expire' of CacheConfig"),
    ],
)
def test_each_wrong_cache_is_a_finding(value: object, path: str, message: str) -> None:
    finding = only(document(step(CacheConfig=value)))
    assert finding.path == path
    assert finding.message.startswith(message)


def test_property_files() -> None:
    first = read_step(processing("P", ("a", "b")))
    assert first.property_files == (
        PropertyFile("a", "evaluation", "a.json"),
        PropertyFile("b", "evaluation", "b.json"),
    )


F = "$.Steps[0].PropertyFiles"
FILE = {"PropertyFileName": "f", "OutputName": "evaluation", "FilePath": "f.json"}


@pytest.mark.parametrize(
    ("files", "path", "message"),
    [
        ({}, F, "expected an array of property files, found an object"),
        ([3], f"{F}[0]", "expected a property file, found the number 3"),
        ([{**FILE, "FilePath": 3}], f"{F}[0].FilePath", "expected a text, found the number 3"),
        ([{**FILE, "FilePath": ""}], f"{F}[0].FilePath", "expected a text that is not empty"),
        ([{**FILE, "Path": "x"}], f"{F}[0].Path", "unknown key 'Path' of a property file"),
        ([FILE, FILE], f"{F}[1].PropertyFileName", "the property file 'f' stands twice in this step"),
        ([{**FILE, "OutputName": "evaluaton"}], f"{F}[0].OutputName", "'evaluaton' is no output of this step"),
    ],
)
def test_each_wrong_property_file_is_a_finding(files: object, path: str, message: str) -> None:
    finding = only(document({**processing(), "PropertyFiles": files}))
    assert finding.path == path
    assert finding.message.startswith(message)


def test_property_files_of_unknown_outputs() -> None:
    assert (
        only(document({**processing(), "PropertyFiles": [{**FILE, "OutputName": "evaluaton"}]})).suggestion
        == "evaluation"
    )
    computed = {"ProcessingOutputConfig": {"Outputs": [{"OutputName": get("Parameters.p")}]}}
    value = processing(arguments=computed)
    assert read(value, Parameters=[parameter("p")]).warnings == ()
    no_outputs = only(document({**processing(), "Arguments": {}}))
    assert (no_outputs.severity, no_outputs.path) == (Severity.WARNING, f"{F}[0].OutputName")


def test_only_processing_has_property_files() -> None:
    assert errors(document(step(PropertyFiles=[]))) == []
    value = {**step(), "PropertyFiles": [FILE]}
    assert (F, "only a Processing step has PropertyFiles") in errors(document(value))


def test_for_each() -> None:
    body = step("Body", "Training", {"a": get("ForEach.CurrentItem"), "b": get("ForEach.CurrentItem.name")})
    selector = {"Pick": "MaxBy", "Field": get("ChildOutput.Body.Metric")}
    value = for_each("Loop", (body,), MaxConcurrency=5, Selector=selector)
    read_loop = read_step(value, Parameters=[parameter("Items")])
    assert read_loop.for_each is not None
    assert (read_loop.for_each.max_concurrency, read_loop.for_each.body[0].name) == (5, "Body")
    assert read_loop.arguments == {}
    assert read_loop.inner_steps == read_loop.for_each.body


L = "$.Steps[0].Arguments"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"IterableItems": [1, 2]}, f"{L}.IterableItems", "expected an expression that gives a list, found an array"),
        ({"ForEachBody": []}, f"{L}.ForEachBody", "the body of a ForEach step is exactly one step, found 0"),
        ({"ForEachBody": [step("B"), step("D")]}, f"{L}.ForEachBody", "the body of a ForEach step is exactly one step"),
        ({"ForEachBody": [step("B", "Fail")]}, f"{L}.ForEachBody[0].Type", "a Fail step cannot be the body"),
        ({"ForEachBody": {}}, f"{L}.ForEachBody", "expected an array of steps, found an object"),
        ({"MaxConcurrency": 51}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50 or an expression"),
        ({"MaxConcurrency": True}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50 or an expression"),
        ({"Selector": 1}, f"{L}.Selector", "expected an object with Pick and Field, found the number 1"),
        (
            {"Selector": {"Pick": "Max", "Field": get("ChildOutput.Body.x")}},
            f"{L}.Selector.Pick",
            "'Max' is no way to pick; expected one of MaxBy, MinBy",
        ),
        ({"Selector": {"Pick": "MaxBy"}}, f"{L}.Selector", "a Selector needs the key 'Field'"),
        ({"Selector": {"Pick": "MaxBy", "Field": "x"}}, f"{L}.Selector.Field", "expected a reference like"),
        ({"Selector": {"Pick": "MaxBy", "Field": None}}, f"{L}.Selector.Field", "expected a reference like"),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("Parameters.Items")}},
            f"{L}.Selector.Field",
            "expected a reference",
        ),
        ({"Selector": {"Pick": "MaxBy", "Field": get("Child.x")}}, f"{L}.Selector.Field", "'Child.x' is no reference"),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("ChildOutput.Bod.x")}},
            f"{L}.Selector.Field",
            "'Bod' is not the step in the body of this ForEach step",
        ),
        ({"Concurrency": 1}, f"{L}.Concurrency", "unknown key 'Concurrency'"),
        (
            {"ForEachBody": [step("B", arguments={"x": get("ForEach.CurrentItem.a.b")})]},
            f"{L}.ForEachBody[0].Arguments.x",
            "ForEach.CurrentItem can be followed by one field at most",
        ),
    ],
)
def test_each_wrong_for_each_is_a_finding(change: dict[str, object], path: str, message: str) -> None:
    finding = only(document(for_each("Loop", (step("Body"),), **change), Parameters=[parameter("Items")]))
    assert finding.path == path
    assert finding.message.startswith(message)


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
    assert [inner.name for inner in read(condition("C", (), (step("Y"),), (step("N"),)), step("Z")).walk()] == [*"CYNZ"]
