"""Transform and Model steps: the failure, the kill, the refused call, the lost reply."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runs.harness import IMAGE, ROLE, Airflow, get, pipeline, training, transform
from tests.runs.time_limits import time_over

MODEL = {
    "Name": "Create",
    "Type": "Model",
    "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": IMAGE}},
}


def with_model(**rule: Any) -> dict[str, Any]:
    """What a Transform step needs to be there, and what becomes of its job."""
    return {"existing": {"model": ["forecast"]}, "jobs": [{"kind": "transform", **rule}]}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_the_properties_of_a_transform(airflow: Airflow) -> None:
    airflow.endpoint.reset(with_model())
    told = {
        "name": get("Steps.Batch.TransformJobName"),
        "model": get("Steps.Batch.ModelName"),
        "place": get("Steps.Batch.TransformOutput.S3OutputPath"),
    }
    run = airflow.run(pipeline(transform("Batch"), training("After", Arguments={"Environment": told})))
    assert run.state == "success"
    [request] = airflow.created("CreateTransformJob")
    [after] = airflow.created("CreateTrainingJob")
    place = request["TransformOutput"]["S3OutputPath"]
    assert after["Environment"] == {"name": request["TransformJobName"], "model": "forecast", "place": place}


@pytest.mark.parametrize("outcome", ["Failed", "Stopped"])
def test_a_transform_that_does_not_complete(
    airflow: Airflow, deferrable: bool, outcome: str, capfd: pytest.CaptureFixture[str]
) -> None:
    reason = {"failure_reason": "ClientError: a line is no CSV"} if outcome == "Failed" else {}
    airflow.endpoint.reset(with_model(outcome=outcome, **reason))
    after = training("After", DependsOn=["Batch"])
    run = airflow.run(pipeline(transform("Batch"), after), deferrable=deferrable)
    assert run.states == {"Batch": "failed", "After": "upstream_failed"}
    assert len(airflow.endpoint.jobs("transform")) == 1
    told = "".join(capfd.readouterr())
    assert f"ended as {outcome}" in told
    assert reason.get("failure_reason", "") in told


def test_a_transform_of_a_model_that_is_not_there(airflow: Airflow) -> None:
    assert airflow.run(pipeline(transform("Batch"))).states == {"Batch": "failed"}
    assert airflow.endpoint.jobs("transform") == ()


def test_a_killed_transform_is_stopped(airflow: Airflow) -> None:
    airflow.endpoint.reset(with_model(duration=600))
    with time_over(airflow) as limit:
        run = airflow.run(pipeline(transform("Batch")), default_args=limit)
    assert run.states == {"Batch": "failed"}
    assert len(airflow.endpoint.requests("sagemaker", "StopTransformJob")) == 1


def test_a_model_that_aws_refuses(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    refused = {"code": "ValidationException", "message": "Could not find model data", "status": 400}
    airflow.endpoint.reset({"faults": [{"action": "CreateModel", "error": refused}]})
    run = airflow.run(pipeline(MODEL, training("After", DependsOn=["Create"])))
    assert run.states == {"Create": "failed", "After": "upstream_failed"}
    assert len(airflow.endpoint.requests("sagemaker", "CreateModel")) == 1
    assert "ValidationException: Could not find model data" in "".join(capfd.readouterr())


def test_a_lost_reply_makes_no_second_model(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.reset({"faults": [{"action": "CreateModel", "drop": "after", "times": 1}]})
    run = airflow.run(pipeline(MODEL))
    assert run.state == "success"
    calls = airflow.endpoint.requests("sagemaker", "CreateModel")
    assert [call.parameters["ModelName"] for call in calls] == [run.xcom("Create")["ModelName"]]
    models = airflow.endpoint.client("sagemaker").list_models()["Models"]
    assert [model["ModelArn"] for model in models] == [run.xcom("Create")["ModelArn"]]
