from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

ARN = "arn:aws:lambda:us-east-1:123456789012:function:double"


@pytest.fixture
def functions(endpoint: LocalEndpoint) -> Any:
    """A client that does not retry."""
    return endpoint.client("lambda", attempts=1)


def invoke(client: Any, name: str, event: Any) -> tuple[str | None, Any]:
    """The function's error, if any, and its answer."""
    response = client.invoke(FunctionName=name, Payload=json.dumps(event))
    return response.get("FunctionError"), json.load(response["Payload"])


@pytest.mark.parametrize("name", ["double", f"{ARN}", f"{ARN}:PROD", "123456789012:function:double", "double:1"])
def test_a_function_may_be_python_code(endpoint: LocalEndpoint, functions: Any, name: str) -> None:
    endpoint.put_function("double", lambda event: {"twice": 2 * event["x"]})
    assert invoke(functions, name, {"x": 21}) == (None, {"twice": 42})
    [logged] = endpoint.requests("lambda", "Invoke")
    assert logged.parameters == {"FunctionName": name, "Payload": {"x": 21}}


def test_what_a_function_raises_is_its_error(endpoint: LocalEndpoint, functions: Any) -> None:
    endpoint.put_function("double", lambda event: event["absent"])
    error, answer = invoke(functions, "double", {})
    assert (error, answer["errorType"], answer["errorMessage"]) == ("Unhandled", "KeyError", "'absent'")


def test_rules_of_the_scenario_answer_for_functions(endpoint: LocalEndpoint, functions: Any) -> None:
    failure = {"errorType": "Late", "errorMessage": "no"}
    endpoint.load_scenario(
        {
            "jobs": [
                {"kind": "lambda", "name": "some-*", "times": 1, "error": failure},
                {"kind": "lambda", "name": "some-*", "result": {"n": [1.5, None]}},
            ]
        }
    )
    assert invoke(functions, "some-function", {}) == ("Unhandled", failure)
    assert invoke(functions, "some-function", {}) == (None, {"n": [1.5, None]})


def test_a_function_that_is_not_there_and_one_that_is_throttled(endpoint: LocalEndpoint, functions: Any) -> None:
    with pytest.raises(ClientError) as missing:
        invoke(functions, "double", {})
    assert missing.value.response["Error"] == {
        "Code": "ResourceNotFoundException",
        "Message": f"Function not found: {ARN}",
    }
    assert missing.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404
    endpoint.put_function("double", lambda event: event)
    endpoint.add_fault(
        "lambda", "Invoke", name="double", error={"code": "TooManyRequestsException", "message": "no", "status": 429}
    )
    with pytest.raises(functions.exceptions.TooManyRequestsException):
        invoke(functions, "double", {})
    assert invoke(functions, "double", {"a": 1}) == (None, {"a": 1})


def test_an_event_that_is_not_json_is_refused(endpoint: LocalEndpoint, functions: Any) -> None:
    endpoint.put_function("double", lambda event: event)
    with pytest.raises(functions.exceptions.InvalidRequestContentException):
        functions.invoke(FunctionName="double", Payload=b"{nonsense")
