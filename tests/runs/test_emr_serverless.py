"""EMRServerless steps: in an application that is there and in one of their own; what they ask, give, and leave."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.stop import StopLimits, StopOutcome, astop, log_stop, stop
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.server.orphan_sweep import sweep
from airflow_sm_pipelines.step_types.emr_serverless import KIND
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget
from tests.runs.adapters import lose_the_first_result, lose_the_first_try
from tests.runs.harness import Airflow, get, pipeline, training, without_own_tags
from tests.runs.lost_tries import MINUTE, clear_the_first_try, lose_every_try, rewrite, stored_record
from tests.runs.time_limits import time_over

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
LOG = logging.getLogger(__name__)
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
    return [
        without_own_tags(r.parameters)
        for r in airflow.endpoint.requests("emr-serverless", action)
        if r.error_code is None
    ]


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
    with time_over(airflow, deferrable=deferrable, look="GetJobRun") as limit:
        run = airflow.run(pipeline(step()), deferrable=deferrable, default_args=limit)
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
    assert set(airflow.run(pipeline(*steps, refused), values="warn").states.values()) == {"failed"}
    printed = "".join(capfd.readouterr())
    for _, fault in faults:
        assert fault in printed
    assert "emr-serverless:CreateApplication was refused" in printed
    assert airflow.endpoint.jobs("emr-serverless-job") == ()


def test_the_try_after_a_lost_one_goes_on_with_its_run(airflow: Airflow, step: Any) -> None:
    lose_the_first_try("EMRServerless")
    airflow.endpoint.reset({"existing": EXISTING})
    assert airflow.run(pipeline(step())).state == "success"
    assert len(asked(airflow, "StartJobRun")) == 1
    assert states(airflow, "application") == ["TERMINATED" if step is in_own else "STARTED"]


def test_a_result_outlives_its_application(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that dies after the application is gone leaves the result to the next one."""
    lose_the_first_result(monkeypatch)
    airflow.endpoint.reset({})
    run = airflow.run(pipeline(in_own()))
    assert run.state == "success"
    assert run.xcom("Step")["jobRun"]["state"] == "SUCCESS"
    assert len(asked(airflow, "StartJobRun")) == len(asked(airflow, "CreateApplication")) == 1


def test_the_next_try_of_a_cleared_step_stops_what_the_first_began(airflow: Airflow, step: Any) -> None:
    clear_the_first_try("EMRServerless")
    rule = {"kind": "emr-serverless-job", "duration": 600, "times": 1}
    airflow.endpoint.reset({"existing": EXISTING, "jobs": [rule], "defaults": {"stopping": 0.2}})
    assert airflow.run(pipeline(step())).state == "success"
    assert len(asked(airflow, "StartJobRun")) == 2
    assert len(asked(airflow, "CancelJobRun")) == 1
    assert states(airflow, "application") == (["TERMINATED"] * 2 if step is in_own else ["STARTED"])
    if step is in_foreign:
        first, second = airflow.endpoint.jobs("emr-serverless-job")
        assert (airflow.endpoint.wait(first.name).status, second.status) == ("CANCELLED", "SUCCESS")


def test_the_sweep_stops_what_a_task_has_left(airflow: Airflow, step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    left = lose_every_try(monkeypatch, "EMRServerless")
    airflow.endpoint.reset({"existing": EXISTING, "defaults": {"duration": 600, "stopping": 60}})
    run = airflow.run(pipeline(step()))
    rewrite(run, "failed", MINUTE, **left[0])
    seen = []
    for _ in range(9):
        sweep()
        seen.append(stored_record(run.run_id)["phase"])
        airflow.endpoint.advance(30)
    assert (seen[0], seen[-1]) == ("intended", "delivered")
    assert {request["jobRunId"] for request in asked(airflow, "CancelJobRun")} == {left[0]["identifiers"]["jobRunId"]}
    assert states(airflow, "application") == ["TERMINATED" if step is in_own else "STARTED"]
    # An application takes its job runs with it.
    assert states(airflow, "job") == ([] if step is in_own else ["CANCELLED"])


def test_what_was_never_begun_is_not_looked_for(airflow: Airflow, step: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    left = lose_every_try(monkeypatch, "EMRServerless", "create", before=True)
    airflow.endpoint.reset({"existing": EXISTING})
    rewrite(airflow.run(pipeline(step())), "failed", MINUTE, **left[0])
    assert (left[0]["phase"], left[0]["job"]) == ("intended", {})
    sweep()
    assert airflow.endpoint.requests("emr-serverless") == ()


@pytest.fixture
def application(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> str:
    """An application in which a long job runs."""
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)
    local_endpoint.reset({"defaults": {"duration": 600, "stopping": 0.2}})
    client = local_endpoint.client("emr-serverless")
    created: str = client.create_application(**APPLICATION_CONFIG, clientToken="t")["applicationId"]
    client.start_job_run(applicationId=created, clientToken="t", **JOB_CONFIG)
    return created


def test_the_kill_of_a_deferred_step_takes_its_application(local_endpoint: LocalEndpoint, application: str) -> None:
    [job_run] = local_endpoint.jobs("emr-serverless-job")
    kind = replace(KIND, describe_params={"applicationId": application, "jobRunId": job_run.name})
    trigger = JobTrigger(kind.to_json(), "s", ACCESS.to_json(), 0.1, 1.0, None, application=application)
    path, arguments = trigger.serialize()
    assert path == "airflow_sm_pipelines.jobs.trigger.JobTrigger"
    asyncio.run(JobTrigger(**arguments).on_kill())
    assert [job.status for job in local_endpoint.jobs("emr-serverless-application")] == ["TERMINATED"]
    assert len(local_endpoint.requests("emr-serverless", "CancelJobRun")) == 1


def test_a_disposal_goes_on_where_it_can_and_says_what_stays(
    local_endpoint: LocalEndpoint, application: str, caplog: pytest.LogCaptureFixture
) -> None:
    local_endpoint.add_fault("emr-serverless", "CancelJobRun", error={"code": "ValidationException"})
    local_endpoint.add_fault("emr-serverless", "GetApplication", error={"code": "InternalServerException"}, skip=1)
    local_endpoint.add_fault("emr-serverless", "StopApplication", error={"code": "AccessDeniedException"})
    target, limits = ApplicationTarget(application, ACCESS.to_json()), StopLimits(0.05, 10.0)
    with pytest.raises(ClientError) as refused:
        asyncio.run(astop(target, ACCESS, limits=limits))
    log_stop(LOG, target, refused.value)
    assert f"The application {application} is left behind (AccessDeniedException" in caplog.text
    log_stop(LOG, target, asyncio.run(astop(target, ACCESS, limits=StopLimits(1.0, 0.0))))
    assert "left behind (it was STARTED)" in caplog.text
    gone = ApplicationTarget("00none", ACCESS.to_json())
    for each in (target, target, gone):
        assert asyncio.run(astop(each, ACCESS, limits=limits)).outcome is StopOutcome.ENDED
        assert stop(each, ACCESS, limits=limits).outcome is StopOutcome.ENDED
