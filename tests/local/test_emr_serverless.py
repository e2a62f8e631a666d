"""EMR Serverless: the life of applications and of job runs."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint

ROLE = "arn:aws:iam::123456789012:role/EMRServerlessRole"
DRIVER = {"sparkSubmit": {"entryPoint": "s3://b/s.py"}}


@pytest.fixture
def serverless(endpoint: LocalEndpoint) -> Any:
    return endpoint.client("emr-serverless", attempts=1)


def application(serverless: Any, token: str = "token", **members: Any) -> str:
    asked = {"releaseLabel": "emr-7.0.0", "type": "SPARK", "clientToken": token, **members}
    created: str = serverless.create_application(**asked)["applicationId"]
    return created


def run(serverless: Any, application_id: str, token: str = "token", **members: Any) -> str:
    asked = {
        "applicationId": application_id,
        "executionRoleArn": ROLE,
        "jobDriver": DRIVER,
        "clientToken": token,
        **members,
    }
    started: str = serverless.start_job_run(**asked)["jobRunId"]
    return started


def state(serverless: Any, name: str) -> str:
    return str(serverless.get_application(applicationId=name)["application"]["state"])


def run_state(serverless: Any, name: str, job_run: str) -> str:
    return str(serverless.get_job_run(applicationId=name, jobRunId=job_run)["jobRun"]["state"])


def error_of(call: Any, **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def test_a_job_run_and_its_application(endpoint: LocalEndpoint, serverless: Any) -> None:
    endpoint.load_scenario({"defaults": {"duration": 100, "queued": 10, "stopping": 10}})
    name = application(serverless, name="app", tags={"a": "b"})
    assert state(serverless, name) == "CREATING"
    with pytest.raises(ClientError, match="Current status: CREATING"):
        run(serverless, name)
    endpoint.advance(10)
    assert state(serverless, name) == "CREATED"
    job_run = run(serverless, name, name="job", tags={"c": "d"})
    assert (state(serverless, name), run_state(serverless, name, job_run)) == ("STARTING", "SUBMITTED")
    endpoint.advance(10)
    assert (state(serverless, name), run_state(serverless, name, job_run)) == ("STARTED", "RUNNING")
    assert error_of(serverless.stop_application, applicationId=name) == "ValidationException"
    assert error_of(serverless.delete_application, applicationId=name) == "ValidationException"
    endpoint.advance(100)
    described = serverless.get_job_run(applicationId=name, jobRunId=job_run)["jobRun"]
    assert (described["state"], described["name"], described["jobDriver"]) == ("SUCCESS", "job", DRIVER)
    assert described["totalExecutionDurationSeconds"] == 100
    assert error_of(serverless.cancel_job_run, applicationId=name, jobRunId=job_run) == "ValidationException"
    serverless.stop_application(applicationId=name)
    assert state(serverless, name) == "STOPPING"
    endpoint.advance(10)
    serverless.delete_application(applicationId=name)
    assert state(serverless, name) == "TERMINATED"
    assert error_of(serverless.get_job_run, applicationId=name, jobRunId=job_run) == "ResourceNotFoundException"
    [listed] = serverless.list_applications(states=["TERMINATED"], maxResults=1)["applications"]
    assert (listed["id"], listed["state"]) == (name, "TERMINATED")


def test_a_client_token_is_good_for_one_thing(serverless: Any) -> None:
    name = application(serverless)
    assert application(serverless) == name
    assert application(serverless, "other") != name
    assert error_of(serverless.create_application, releaseLabel="x", type="SPARK", clientToken="token") == (
        "ConflictException"
    )
    job_run = run(serverless, name)
    assert run(serverless, name) == job_run
    with pytest.raises(ClientError, match="ConflictException"):
        run(serverless, name, name="else")
    assert [entry["name"] for entry in serverless.list_job_runs(applicationId=name)["jobRuns"] if "name" in entry] == []


def test_a_failed_and_a_cancelled_run(endpoint: LocalEndpoint, serverless: Any) -> None:
    rule = {"kind": "emr-serverless-job", "name": "bad", "outcome": "Failed", "failure_reason": "boom"}
    endpoint.load_scenario(
        {
            "defaults": {"duration": 100, "stopping": 10},
            "jobs": [rule],
            "existing": {"emr-serverless-application": ["00abc"]},
        }
    )
    assert state(serverless, "00abc") == "STARTED"
    bad, other = run(serverless, "00abc", "a", name="bad"), run(serverless, "00abc", "b")
    endpoint.advance(50)
    serverless.cancel_job_run(applicationId="00abc", jobRunId=other, shutdownGracePeriodInSeconds=30)
    assert run_state(serverless, "00abc", other) == "CANCELLING"
    endpoint.advance(50)
    assert run_state(serverless, "00abc", other) == "CANCELLED"
    described = serverless.get_job_run(applicationId="00abc", jobRunId=bad)["jobRun"]
    assert (described["state"], described["stateDetails"]) == ("FAILED", "boom")


def test_what_is_refused(serverless: Any) -> None:
    assert error_of(serverless.get_application, applicationId="00x") == "ResourceNotFoundException"
    name = application(serverless, autoStartConfiguration={"enabled": False})
    assert error_of(serverless.get_job_run, applicationId=name, jobRunId="00y") == "ResourceNotFoundException"
    with pytest.raises(ClientError, match="Current status: CREATED"):
        run(serverless, name)
    serverless.start_application(applicationId=name)
    run(serverless, name)
    assert error_of(serverless.update_application, applicationId=name, clientToken="t") == "NotImplemented"
    with pytest.raises(ClientError, match="ValidationException"):
        application(serverless, "bad token!")
