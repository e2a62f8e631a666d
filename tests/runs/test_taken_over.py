"""What a trigger does that Airflow kills: also when another triggerer has taken it over while this one hung."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import GetTaskStates, TaskStatesResult
from airflow.triggers.base import BaseTrigger
from msgspec.structs import replace

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import AnswerSlot, CallbackMessage, digest_of
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackWait
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.step_types import emr_serverless, training
from tests.runs.statsd import StatsD
from tests.runs.workers import make_queue

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
TASK = AnswerSlot(digest_of("Token00001"), "dag", "run", "task", -1)
STOPS = ("StopTrainingJob", "CancelJobRun", "StopApplication", "DeleteApplication", "SendMessage")


@dataclass
class Server:
    """The triggerer's line to Airflow, over which the state of the task is asked for."""

    state: str | None

    def send(self, question: Any) -> Any:
        assert isinstance(question, GetTaskStates)
        assert (question.dag_id, question.task_ids, question.run_ids) == (TASK.dag_id, [TASK.task_id], [TASK.run_id])
        return TaskStatesResult(task_states={TASK.run_id: {TASK.task_id: self.state}})

    async def asend(self, letter: Any) -> None:
        """An XCom is taken."""


def job_trigger(endpoint: LocalEndpoint) -> BaseTrigger:
    endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    labels = {"step_type": "Training"}
    return JobTrigger(training.KIND.to_json(), "ours", ACCESS.to_json(), 0.1, 1.0, None, labels=labels)


def application_trigger(endpoint: LocalEndpoint) -> BaseTrigger:
    client = endpoint.client("emr-serverless")
    application = client.create_application(releaseLabel="emr-7.0.0", type="SPARK", clientToken="t")["applicationId"]
    role = "arn:aws:iam::123456789012:role/EMRServerlessRole"
    run = client.start_job_run(applicationId=application, clientToken="t", executionRoleArn=role)["jobRunId"]
    kind = replace(emr_serverless.KIND, describe_params={"applicationId": application, "jobRunId": run})
    return JobTrigger(kind.to_json(), "ours", ACCESS.to_json(), 0.1, 1.0, None, application=application)


def callback_trigger(endpoint: LocalEndpoint) -> BaseTrigger:
    wait = CallbackWait(TASK, ACCESS, None, PollPace(0.05, 0.2), time.time() + 3600, None)
    return CallbackTrigger(
        wait.to_json(), CallbackMessage(make_queue(endpoint, "work"), "Token00001", "arn", {}).seal()
    )


@pytest.fixture
def kill(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Kills a trigger whose task is in a state, and gives the calls that stop something."""
    local_endpoint.reset({"defaults": {"duration": 600, "stopping": 0.2}})
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)

    def kill(make: Callable[[LocalEndpoint], BaseTrigger], state: str | None) -> list[str]:
        trigger = make(local_endpoint)
        task: Any = SimpleNamespace(dag_id=TASK.dag_id, run_id=TASK.run_id, task_id=TASK.task_id, map_index=-1)
        trigger._task_instance = task
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", Server(state), raising=False)
        asyncio.run(trigger.on_kill())
        return [call.action for call in local_endpoint.requests() if call.action in STOPS]

    return kill


Kill = Callable[[Callable[[LocalEndpoint], BaseTrigger], str | None], list[str]]


@pytest.mark.parametrize("make", [job_trigger, application_trigger, callback_trigger])
def test_a_trigger_that_was_taken_over_stops_nothing(
    kill: Kill, statsd: StatsD, make: Callable[[LocalEndpoint], BaseTrigger]
) -> None:
    assert kill(make, "deferred") == []
    assert statsd.ends() == {}


def test_a_job_that_a_trigger_stops_has_ended_killed(kill: Kill, statsd: StatsD) -> None:
    kill(job_trigger, "failed")
    assert statsd.ends() == {"killed": 1}


@pytest.mark.parametrize("state", ["failed", "success", "removed"])
@pytest.mark.parametrize(
    ("make", "calls"),
    [
        (job_trigger, ["StopTrainingJob"]),
        (application_trigger, ["CancelJobRun", "StopApplication", "DeleteApplication"]),
        (callback_trigger, ["SendMessage"]),
    ],
)
def test_the_trigger_of_a_task_that_a_user_ended_stops_what_it_waits_for(
    kill: Kill, make: Callable[[LocalEndpoint], BaseTrigger], state: str, calls: list[str]
) -> None:
    assert kill(make, state) == calls


@pytest.mark.parametrize("state", [None, "scheduled", "queued", "running"])
def test_the_next_try_of_a_cleared_task_tells_the_workers_itself(
    kill: Kill, state: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        assert kill(callback_trigger, state) == []
    assert "its next try goes on with the message, or tells the workers" in caplog.text
