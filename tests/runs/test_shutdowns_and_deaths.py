"""What is no failure of a step: the orderly shutdown of its worker, and tries that die or are lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from airflow.sdk import get_current_context
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType, StepFailure
from airflow_sm_pipelines.operators.job import JobStepOperator
from tests.runs.adapters import interpose
from tests.runs.beside import beside
from tests.runs.harness import BUCKET, Airflow, pipeline, training
from tests.runs.lost_tries import change_task
from tests.runs.records import records
from tests.runs.statsd import StatsD
from tests.waiting import PATIENCE_SECONDS, until

READ = {"Std:JsonGet": {"S3Uri": f"s3://{BUCKET}/epochs.json", "Path": "epochs"}}
READING = training("Train", Arguments={"HyperParameters": {"epochs": READ}})
FILE = {BUCKET: {"epochs.json": {"epochs": "3"}}}


@pytest.fixture(params=[True, False], ids=["deferrable", "synchronous"])
def deferrable(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def shut_down(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What reaches the task when its worker is shut down: the run's own process has Airflow's handler for it.

    It is over when the task has done what it does upon that.
    """
    killed, on_kill = threading.Event(), JobStepOperator.on_kill

    def noted(task: JobStepOperator) -> None:
        on_kill(task)
        killed.set()

    def shut_down() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        assert killed.wait(PATIENCE_SECONDS), "the signal has not reached the task"

    monkeypatch.setattr(JobStepOperator, "on_kill", noted)
    return shut_down


def stops(airflow: Airflow) -> int:
    return len(airflow.endpoint.requests("sagemaker", "StopTrainingJob"))


@pytest.mark.parametrize("resumed", [False, True], ids=["first", "resumed"])
def test_a_shutdown_while_the_request_is_resolved_leaves_the_job_alone(
    airflow: Airflow, shut_down: Callable[[], None], resumed: bool
) -> None:
    fault = {"service": "s3", "action": "GetObject", "pause": "before", "skip": int(resumed)}
    airflow.endpoint.reset({"s3": FILE, "defaults": {"duration": 0.5}, "faults": [fault]})

    def shut_down_in_resolution() -> None:
        until(airflow.endpoint.paused)
        shut_down()
        airflow.endpoint.resume()

    with beside(shut_down_in_resolution):
        run = airflow.run(pipeline(READING), deferrable=True)
    assert (run.state, stops(airflow)) == ("success", 0)
    assert len(airflow.endpoint.jobs("training")) == 1


def test_a_shutdown_while_the_job_is_waited_for_is_no_death(airflow: Airflow, shut_down: Callable[[], None]) -> None:
    airflow.endpoint.reset({"defaults": {"duration": 600}})
    seen: list[dict[str, Any]] = []

    def shut_down_in_waiting() -> None:
        until(lambda: airflow.endpoint.requests("sagemaker", "DescribeTrainingJob"))
        seen.append(records()[-1])
        shut_down()
        seen.append(records()[-1])
        airflow.endpoint.advance(600)

    with beside(shut_down_in_waiting):
        run = airflow.run(pipeline(training("Train")), deferrable=False)
    assert (run.state, stops(airflow)) == ("success", 0)
    assert [(record["phase"], record["open_try"]) for record in seen] == [("intended", 1), ("intended", None)]
    assert seen[1] == {**seen[0], "open_try": None}


def test_the_job_of_a_task_that_a_user_has_ended_is_stopped(airflow: Airflow, statsd: StatsD) -> None:
    def be_killed(original: Callable[[], Any], adapter: Any) -> None:
        original()
        task: Any = get_current_context()["task"]
        change_task(adapter.run.task.run_id, state="failed")
        task.on_kill()
        change_task(adapter.run.task.run_id, state="running")

    interpose("Training", "confirm", be_killed)
    airflow.endpoint.reset({"defaults": {"duration": 600, "stopping": 0}})
    run = airflow.run(pipeline(training("Train")), deferrable=False)
    assert (run.states, stops(airflow)) == ({"Train": "failed"}, 1)
    assert statsd.ends() == {"killed": 1}


def die_often() -> None:
    """Let the first try of the next job be the last of many that died after they had created or found the job."""
    came: list[Any] = []

    def die_once(original: Callable[[], Any], adapter: Any) -> None:
        original()
        came.append(adapter)
        if len(came) == 1:
            adapter.run.change(replace(adapter.run.record, lost_tries=9))
            raise StepFailure("lost", ExceptionType.SERVICE_FAULT, outcome_unknown=True)

    interpose("Training", "confirm", die_once)


def test_the_result_of_a_job_that_has_ended_is_taken_after_however_many_deaths(
    airflow: Airflow, deferrable: bool
) -> None:
    die_often()
    airflow.endpoint.reset({"defaults": {"duration": 0}})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert (run.state, stops(airflow)) == ("success", 0)
    assert len(airflow.endpoint.jobs("training")) == 1


def test_a_job_that_runs_is_stopped_when_too_many_tries_have_died(airflow: Airflow, deferrable: bool) -> None:
    die_often()
    airflow.endpoint.reset({"defaults": {"duration": 600}})
    run = airflow.run(pipeline(training("Train")), deferrable=deferrable)
    assert (run.states, stops(airflow)) == ({"Train": "failed"}, 1)


def lose_tries_in_resolution(count: int) -> None:
    """Let so many tries be lost, by no failure of the step, before anything is on record."""
    resolved: list[Any] = []

    def lose(original: Callable[[], Any], adapter: Any) -> Any:
        resolved.append(adapter)
        if len(resolved) <= count:
            raise OSError("Airflow is away")
        return original()

    interpose("Training", "complete_request", lose)


def test_tries_that_are_lost_before_the_record_are_made_again(airflow: Airflow) -> None:
    lose_tries_in_resolution(2)
    airflow.endpoint.reset({"defaults": {"duration": 0}})
    assert airflow.run(pipeline(training("Train"))).state == "success"


def test_tries_that_are_lost_before_the_record_are_few(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    lose_tries_in_resolution(3)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__MAX_LOST_TRIES", "2")
    assert airflow.run(pipeline(training("Train"))).states == {"Train": "failed"}
    assert airflow.endpoint.jobs("training") == ()
