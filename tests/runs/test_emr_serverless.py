"""EMRServerless steps: in an application that is there and in one of their own; what they ask, give, and leave."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from tests.runs.harness import Airflow, get, pipeline, training

EXISTING = {"emr-serverless-application": ["00foreign"]}
ROLE = "arn:aws:iam::123456789012:role/EMRServerlessRole"
JOB_CONFIG = {
    "executionRoleArn": ROLE,
    "jobDriver": {"sparkSubmit": {"entryPoint": "s3://b/s.py", "entryPointArguments": ["--n", "1"]}},
    "configurationOverrides": {
        "applicationConfiguration": [
            {"classification": "spark-defaults", "properties": {"spark.x": "1", "spark.password": "hidden"}}
        ],
        "monitoringConfiguration": {"s3MonitoringConfiguration": {"logUri": "s3://b/logs"}},
    },
}
APPLICATION_CONFIG = {"releaseLabel": "emr-7.0.0", "type": "SPARK"}


def in_foreign(name: str = "Step", **members: Any) -> dict[str, Any]:
    arguments = {"ExecutionRoleArn": ROLE, "JobConfig": JOB_CONFIG, "ApplicationId": "00foreign"}
    return {
        "Name": name,
        "Type": "EMRServerless",
        "Arguments": {**arguments, **members.pop("Arguments", {})},
        **members,
    }


def in_own(name: str = "Step", **members: Any) -> dict[str, Any]:
    arguments = {"ExecutionRoleArn": ROLE, "JobConfig": JOB_CONFIG, "ApplicationConfig": APPLICATION_CONFIG}
    return {
        "Name": name,
        "Type": "EMRServerless",
        "Arguments": {**arguments, **members.pop("Arguments", {})},
        **members,
    }


def asked(airflow: Airflow, action: str) -> list[dict[str, Any]]:
    """The requests of an action that were taken."""
    return [dict(r.parameters) for r in airflow.endpoint.requests("emr-serverless", action) if r.error_code is None]


def states(airflow: Airflow, kind: str) -> list[str]:
    return [job.status for job in airflow.endpoint.jobs(f"emr-serverless-{kind}")]


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[in_foreign, in_own], ids=["foreign", "own"])
def step(request: pytest.FixtureRequest) -> Any:
    return request.param


PROPERTIES = {
    "state": "jobRun.state",
    "run": "jobRun.jobRunId",
    "application": "jobRun.applicationId",
    "script": "jobRun.jobDriver.sparkSubmit.entryPoint",
    "argument": "jobRun.jobDriver.sparkSubmit.entryPointArguments[1]",
    "secret": "jobRun.configurationOverrides.applicationConfiguration[0].properties['spark.password']",
    "created": "jobRun.createdAt",
}


def test_a_job_run_in_a_foreign_application(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"existing": EXISTING})
    told = {key: get(f"Steps.My_step.{path}") for key, path in PROPERTIES.items()}
    run = airflow.run(
        pipeline(in_foreign("My_step"), training("After", Arguments={"HyperParameters": told})), deferrable=deferrable
    )
    assert run.state == "success"
    [request] = asked(airflow, "StartJobRun")
    name, token = request["name"], request["clientToken"]
    assert re.fullmatch(rf"pipelines-[a-z0-9]{{12}}-My-step-{token}", name)
    assert request == {**JOB_CONFIG, "applicationId": "00foreign", "name": name, "clientToken": token}
    [after] = airflow.created("CreateTrainingJob")
    values = after["HyperParameters"]
    [job_run] = airflow.endpoint.jobs("emr-serverless-job")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", values.pop("created"))
    assert values == {
        "state": "SUCCESS",
        "run": job_run.name,
        "application": "00foreign",
        "script": "s3://b/s.py",
        "argument": "1",
        "secret": "hidden",
    }
    told_job = run.xcom("My_step", "sagemaker")
    assert (told_job["job_name"], told_job["job_arn"]) == (name, job_run.arn)
    assert "hidden" not in str(run.xcom("My_step"))
    assert states(airflow, "application") == ["STARTED"]


def test_a_job_run_in_an_application_of_its_own(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"defaults": {"queued": 0.3, "duration": 0.3, "stopping": 0.3}})
    config = {**APPLICATION_CONFIG, "name": "mine", "autoStartConfiguration": {"enabled": False}}
    job = {**JOB_CONFIG, "name": "job"}
    run = airflow.run(
        pipeline(in_own(Arguments={"ApplicationConfig": config, "JobConfig": job})), deferrable=deferrable
    )
    assert run.state == "success"
    [created] = asked(airflow, "CreateApplication")
    [request] = asked(airflow, "StartJobRun")
    token = request["clientToken"]
    assert created == {**config, "clientToken": token}
    [application] = airflow.endpoint.jobs("emr-serverless-application")
    assert request == {**job, "applicationId": application.name, "clientToken": token}
    assert application.status == "TERMINATED"
    assert [len(asked(airflow, f"{verb}Application")) for verb in ("Start", "Stop", "Delete")] == [1, 1, 1]
    assert asked(airflow, "CancelJobRun") == []
    assert run.xcom("Step")["jobRun"]["state"] == "SUCCESS"


@pytest.mark.parametrize(("step", "deferrable"), [(in_foreign, True), (in_own, False)])
def test_a_failed_job_run_fails_the_step(
    airflow: Airflow, step: Any, deferrable: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    rule = {"kind": "emr-serverless-job", "outcome": "Failed", "failure_reason": "Job failed: no such file"}
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [rule]})
    assert airflow.run(pipeline(step()), deferrable=deferrable).states == {"Step": "failed"}
    assert "ended as FAILED: Job failed: no such file" in "".join(capfd.readouterr())
    assert states(airflow, "application") == ["TERMINATED" if step is in_own else "STARTED"]


def test_a_killed_step_cancels_its_run(airflow: Airflow, step: Any, deferrable: bool) -> None:
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [{"kind": "emr-serverless-job", "duration": 600}]})
    run = airflow.run(pipeline(step()), deferrable=deferrable, default_args={"execution_timeout": timedelta(seconds=2)})
    assert run.states == {"Step": "failed"}
    assert len(asked(airflow, "CancelJobRun")) == 1
    if step is in_own:
        assert states(airflow, "application") == ["TERMINATED"]
    else:
        assert states(airflow, "application") == ["STARTED"]
        assert airflow.endpoint.wait(airflow.endpoint.jobs("emr-serverless-job")[0].name).status == "CANCELLED"


@pytest.mark.parametrize("action", ["CreateApplication", "StartJobRun"])
def test_a_lost_reply_makes_nothing_twice(airflow: Airflow, action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__AWS_MAX_ATTEMPTS", "1")
    airflow.endpoint.reset({"faults": [{"action": action, "drop": "after"}]})
    run = airflow.run(pipeline(in_own()))
    assert run.state == "success"
    assert run.xcom("Step", "sagemaker")["attempt"] == 1
    assert len(airflow.endpoint.requests("emr-serverless", action)) == 2
    assert states(airflow, "application") == ["TERMINATED"]
    tokens = {r.parameters["clientToken"] for r in airflow.endpoint.requests("emr-serverless", "StartJobRun")}
    assert len(tokens) == 1


def test_arguments_that_are_refused(airflow: Airflow, capfd: pytest.CaptureFixture[str]) -> None:
    faults: list[tuple[dict[str, Any], str]] = [
        (
            {"ApplicationConfig": APPLICATION_CONFIG},
            "exactly one of ApplicationId and ApplicationConfig is to be given",
        ),
        ({"JobConfig": {"jobDriver": {"x": 1}}}, "Unknown parameter in jobDriver"),
        ({"ApplicationId": "00none"}, "Application 00none does not exist"),
        ({"JobConfig": "x"}, "JobConfig and ApplicationConfig are objects"),
    ]
    airflow.endpoint.reset({"existing": EXISTING})
    steps = [in_foreign(f"S{index}", Arguments=arguments) for index, (arguments, _) in enumerate(faults)]
    refused = in_own(
        "Own", Arguments={"ApplicationConfig": {"type": "SPARK", "releaseLabel": "emr-7.0.0", "name": "?"}}
    )
    assert set(airflow.run(pipeline(*steps, refused)).states.values()) == {"failed"}
    printed = "".join(capfd.readouterr())
    for _, fault in faults:
        assert fault in printed
    assert "emr-serverless:CreateApplication was refused" in printed
    assert airflow.endpoint.jobs("emr-serverless-job") == ()
