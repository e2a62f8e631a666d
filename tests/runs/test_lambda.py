"""Lambda steps: the event, typed outputs and what refers to them, every way to fail, and at most one invocation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.runs.adapters import lose_the_first_result
from tests.runs.harness import Airflow, get, pipeline, training
from tests.runs.time_limits import time_over_in_worker
from tests.waiting import until

ARN = "arn:aws:lambda:us-east-1:123456789012:function:compute"
SENSIBLE = {"api_token": "very-secret-value"}


def function(name: str, outputs: dict[str, str] | None = None, **members: Any) -> dict[str, Any]:
    declared = [{"OutputName": output, "OutputType": kind} for output, kind in (outputs or {}).items()]
    return {
        "Name": name,
        "Type": "Lambda",
        "FunctionArn": ARN,
        "Arguments": {},
        "OutputParameters": declared,
        **members,
    }


def events(airflow: Airflow) -> list[Any]:
    return [request.parameters["Payload"] for request in airflow.endpoint.requests("lambda", "Invoke")]


def test_the_event_is_the_arguments_and_the_outputs_are_typed(airflow: Airflow) -> None:
    airflow.endpoint.put_function(
        "compute",
        lambda event: {"s": 200, "i": event["i"] + 1, "f": 1, "b": "true", "nested": {"a": [1]}, "undeclared": None},
    )
    arguments = {
        "i": get("Parameters.Count"),
        "f": 1.5,
        "b": True,
        "raw": "{{ conn.aws_default.password }}",
        "nested": {"list": [1, "x", get("Execution.PipelineName")]},
        "gone": None,
        **SENSIBLE,
    }
    step = function(
        "Compute",
        {"s": "String", "i": "Integer", "f": "Float", "b": "Boolean", "nested": "String"},
        FunctionArn={"Std:Join": {"On": ":", "Values": [ARN, "PROD"]}},
        Arguments=arguments,
    )
    told = {name: get(f"Steps.Compute.OutputParameters['{name}']") for name in ("s", "nested")}
    limit = {"MaxRuntimeInSeconds": get("Steps.Compute.OutputParameters['i']")}
    after = training(
        "After",
        Arguments={
            "HyperParameters": told,
            "StoppingCondition": limit,
            "EnableNetworkIsolation": get("Steps.Compute.OutputParameters['b']"),
        },
    )
    count = [{"Name": "Count", "Type": "Integer", "DefaultValue": 41}]
    run = airflow.run(pipeline(step, after, Parameters=count))
    assert run.state == "success"
    [request] = airflow.endpoint.requests("lambda", "Invoke")
    assert request.parameters["FunctionName"] == f"{ARN}:PROD"
    assert request.parameters["Payload"] == {
        "i": 41,
        "f": 1.5,
        "b": True,
        "raw": "{{ conn.aws_default.password }}",
        "nested": {"list": [1, "x", "pipeline"]},
        "gone": None,
        **SENSIBLE,
    }
    assert run.xcom("Compute") == {
        "OutputParameters": {"s": "200", "i": 42, "f": 1.0, "b": True, "nested": '{"a":[1]}'}
    }
    assert run.xcom("Compute", "sagemaker") == {
        "job_name": f"{ARN}:PROD",
        "job_arn": f"{ARN}:PROD",
        "attempt": 1,
        "step_type": "Lambda",
    }
    shown = run.rendered("Compute")["request"]
    assert (shown["FunctionName"], shown["Payload"]["i"], shown["Payload"]["api_token"]) == (f"{ARN}:PROD", 41, "***")
    [created] = airflow.created("CreateTrainingJob")
    assert created["HyperParameters"] == {"s": "200", "nested": '{"a":[1]}'}
    assert created["StoppingCondition"] == {"MaxRuntimeInSeconds": 42}
    assert created["EnableNetworkIsolation"] is True


CASES = Path(__file__).parents[2].parent / "shared" / "cases"


@pytest.mark.skipif(not CASES.is_dir(), reason="no folder of small inputs beside this repository")
def test_the_payload_has_the_nulls_of_the_definition(airflow: Airflow) -> None:
    definition = json.loads((CASES / "170-null-in-a-lambda-payload.json").read_text())
    airflow.endpoint.put_function("fn", lambda event: {})
    assert airflow.run(definition).state == "success"
    assert events(airflow) == [definition["Steps"][0]["Arguments"]]
    assert events(airflow)[0]["c"] == {"d": None}


RAISED = {"errorType": "ValueError", "errorMessage": "the table is empty", "stackTrace": ["line 1"]}


@pytest.mark.parametrize(
    ("rule", "outputs", "message"),
    [
        ({"error": RAISED}, {}, f"the function {ARN} ended with an error: ValueError: the table is empty"),
        ({"result": {"a": 1}}, {"b": "String"}, "did not give the declared output b; it gave a."),
        ({"result": [1]}, {"b": "String"}, "answered with no object, and the outputs b are declared."),
        ({"result": {"b": "many"}}, {"b": "Integer"}, 'gave the output b = "many", which is no Integer.'),
    ],
)
def test_each_failure_has_its_message_and_is_final(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], rule: Any, outputs: dict[str, str], message: str
) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "lambda", **rule}]})
    run = airflow.run(pipeline(function("Compute", outputs), training("After", DependsOn=["Compute"])))
    assert run.states == {"Compute": "failed", "After": "upstream_failed"}
    assert len(events(airflow)) == 1
    assert message in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (float("nan"), "Float", "gave the output b = NaN, which is no Float."),
        (float("inf"), "Integer", "gave the output b = Infinity, which is no Integer."),
    ],
)
def test_what_python_writes_and_json_has_not_is_no_number(
    airflow: Airflow, capfd: pytest.CaptureFixture[str], number: float, kind: str, message: str
) -> None:
    airflow.endpoint.put_function("compute", lambda event: {"b": number})
    assert airflow.run(pipeline(function("Compute", {"b": kind}))).states == {"Compute": "failed"}
    assert len(events(airflow)) == 1
    assert message in "".join(capfd.readouterr())


def test_a_function_that_is_not_there(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    assert airflow.run(pipeline(function("Compute"))).states == {"Compute": "failed"}
    assert f"ResourceNotFoundException: Function not found: {ARN}" in "".join(capfd.readouterr())
    assert len(events(airflow)) == 1


def test_what_could_not_be_signed_was_refused_and_not_lost(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    assert airflow.run(pipeline(function("Compute"))).states == {"Compute": "failed"}
    log = "".join(capfd.readouterr())
    assert "lambda:Invoke was refused. NoCredentialsError: Unable to locate credentials" in log
    assert "may have run" not in log
    assert events(airflow) == []


@pytest.mark.parametrize(
    "fault",
    [
        {"error": {"code": "TooManyRequestsException", "message": "Rate Exceeded.", "status": 429}},
        {"error": {"code": "ServiceException", "message": "internal error", "status": 500}},
    ],
)
def test_what_lambda_refused_is_invoked_again(airflow: Airflow, fault: dict[str, Any]) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "lambda"}], "faults": [{"service": "lambda", "times": 2, **fault}]})
    run = airflow.run(pipeline(function("Compute")))
    assert run.state == "success"
    assert [r.error_code for r in airflow.endpoint.requests("lambda")] == [fault["error"]["code"]] * 2 + [None]
    assert run.xcom("Compute", "sagemaker")["attempt"] == 3
    assert run.xcom("Compute") == {"OutputParameters": {}}


POLICY = [{"ExceptionType": ["Step.SERVICE_FAULT"], "IntervalSeconds": 1, "MaxAttempts": 2}]


@pytest.mark.parametrize(("policies", "state", "calls"), [(None, "failed", 1), (POLICY, "success", 2)])
def test_a_lost_reply_is_final_unless_the_step_says_otherwise(
    airflow: Airflow, policies: Any, state: str, calls: int
) -> None:
    lost = {"service": "lambda", "action": "Invoke", "drop": "after", "times": 1}
    airflow.endpoint.reset({"jobs": [{"kind": "lambda"}], "faults": [lost]})
    run = airflow.run(pipeline(function("Compute", RetryPolicies=policies)))
    assert run.states == {"Compute": state}
    assert len(events(airflow)) == calls


NEVER = [{"ExceptionType": ["Step.SERVICE_FAULT"], "MaxAttempts": 0}]


def test_a_lost_reply_is_final_where_the_policy_allows_no_retry(airflow: Airflow) -> None:
    lost = {"service": "lambda", "action": "Invoke", "drop": "after", "times": 1}
    airflow.endpoint.reset({"jobs": [{"kind": "lambda"}], "faults": [lost]})
    assert airflow.run(pipeline(function("Compute", RetryPolicies=NEVER))).states == {"Compute": "failed"}
    assert len(events(airflow)) == 1


# Every call of the function is under way until the test resumes it: none is missed that began before the run's end.
HELD = {"jobs": [{"kind": "lambda"}], "faults": [{"service": "lambda", "pause": "before", "times": 9}]}


def test_a_function_that_takes_too_long(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("airflow_sm_pipelines.operators.lambda_function.MAX_RUN_SECONDS", 1)
    airflow.endpoint.reset(HELD)
    assert airflow.run(pipeline(function("Compute"))).states == {"Compute": "failed"}
    assert f"the function {ARN} did not answer within" in "".join(capfd.readouterr())
    assert len(until(airflow.endpoint.paused)) == 1
    airflow.endpoint.resume()


def test_a_killed_step_leaves_the_function_and_does_not_invoke_it_again(airflow: Airflow) -> None:
    airflow.endpoint.reset(HELD)
    with time_over_in_worker(airflow.endpoint.paused) as limit:
        run = airflow.run(pipeline(function("Compute")), default_args=limit)
    assert run.states == {"Compute": "failed"}
    assert len(airflow.endpoint.paused()) == 1
    airflow.endpoint.resume()


@pytest.mark.parametrize(("policies", "state", "calls"), [(None, "failed", 1), (POLICY, "success", 2)])
def test_the_try_after_a_workers_death(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, policies: Any, state: str, calls: int
) -> None:
    """The first try dies in the middle of the call: Airflow hears of a lost connection and tries again."""
    from airflow_sm_pipelines.operators.lambda_function import LambdaStepOperator

    invoke = LambdaStepOperator._invoke
    deaths: list[int] = []

    def dying(self: LambdaStepOperator, context: Any) -> Any:
        answer = invoke(self, context)
        if not deaths:
            deaths.append(1)
            raise OSError("gone")
        return answer

    monkeypatch.setattr(LambdaStepOperator, "_invoke", dying)
    airflow.endpoint.reset({"jobs": [{"kind": "lambda"}]})
    run = airflow.run(pipeline(function("Compute", RetryPolicies=policies)))
    assert run.states == {"Compute": state}
    assert len(events(airflow)) == calls


def test_an_answer_that_airflow_did_not_hear_of_is_kept(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_the_first_result(monkeypatch)
    airflow.endpoint.reset({"jobs": [{"kind": "lambda", "result": {"n": 7}}]})
    run = airflow.run(pipeline(function("Compute", {"n": "Integer"})))
    assert run.state == "success"
    assert run.xcom("Compute") == {"OutputParameters": {"n": 7}}
    assert len(events(airflow)) == 1
