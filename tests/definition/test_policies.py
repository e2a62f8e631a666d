from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition import Severity
from airflow_sm_pipelines.definition.model import CacheConfig, PropertyFile, RetryPolicy
from tests.definition.build import document, errors, get, only, parameter, processing, read, read_step, step

S = "$.Steps[0]"


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
