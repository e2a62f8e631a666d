"""Jobs whose task has ended while nobody was there to stop them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.stop import StopOutcome, stop
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.server.orphan_rows import find_orphans
from airflow_sm_pipelines.server.orphan_sweep import end, sweep
from airflow_sm_pipelines.step_types.stop_target import JobTarget
from airflow_sm_pipelines.step_types.training import KIND
from tests.runs.harness import Airflow, Run, pipeline, training
from tests.runs.lost_tries import MINUTE, rewrite, stored_record
from tests.runs.statsd import StatsD

ACCESS = AwsAccess("aws_default", "us-east-1", None, None)


def stops(endpoint: LocalEndpoint) -> list[str]:
    return [call.parameters["TrainingJobName"] for call in endpoint.requests("sagemaker", "StopTrainingJob")]


def target(name: str) -> JobTarget:
    return JobTarget(KIND, name, ACCESS.to_json())


def reach(name: str) -> dict[str, Any]:
    """A training job's reach, as a record has it."""
    reached: dict[str, Any] = json.loads(json.dumps(target(name).to_json()))
    return reached


def test_a_job_is_asked_to_stop_once_and_done_with_when_it_has_ended(local_endpoint: LocalEndpoint) -> None:
    local_endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    local_endpoint.client("sagemaker").create_training_job(**training_request("lost"))

    outcomes = [stop(target("lost"), ACCESS, ask_first=True).outcome for _ in range(2)]
    assert outcomes == [StopOutcome.ASKED, StopOutcome.UNDER_WAY]
    assert stops(local_endpoint) == ["lost"]
    local_endpoint.advance(10)
    assert stop(target("lost"), ACCESS, ask_first=True).outcome is StopOutcome.ENDED
    assert stops(local_endpoint) == ["lost"]


def test_nothing_is_to_be_done_about_a_job_that_never_was(local_endpoint: LocalEndpoint) -> None:
    assert stop(target("never"), ACCESS, ask_first=True).outcome is StopOutcome.ENDED
    assert stops(local_endpoint) == []


def test_the_sweep_stops_the_job_of_a_task_that_ended_without_a_word(airflow: Airflow, statsd: StatsD) -> None:
    run = airflow.run(pipeline(training("Train")))
    assert (stored_record(run.run_id)["phase"], stored_record(run.run_id)["job"]) == ("delivered", {})
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("lost"))
    rewrite(run, "failed", MINUTE, phase="intended", job=reach("lost"), job_name="lost")

    sweep()
    assert stops(airflow.endpoint) == ["lost"]
    assert stored_record(run.run_id)["phase"] == "intended"
    airflow.endpoint.advance(10)
    sweep()
    assert (stored_record(run.run_id)["phase"], stored_record(run.run_id)["job"]) == ("delivered", {})
    before = len(airflow.endpoint.requests())
    sweep()
    assert len(airflow.endpoint.requests()) == before
    assert statsd.received()["sm_pipelines.orphans_stopped"] == 1


@pytest.mark.parametrize(
    ("state", "ended_ago"),
    [("running", MINUTE), ("deferred", MINUTE), ("up_for_retry", MINUTE), ("failed", timedelta(0))],
)
def test_the_sweep_leaves_a_job_to_who_may_still_come_for_it(
    airflow: Airflow, state: str, ended_ago: timedelta
) -> None:
    run = airflow.run(pipeline(training("Train")))
    airflow.endpoint.reset({"defaults": {"duration": 100}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    rewrite(run, state, ended_ago, phase="intended", job=reach("ours"), job_name="ours")

    sweep()
    assert airflow.endpoint.requests("sagemaker", "DescribeTrainingJob") == ()
    assert stops(airflow.endpoint) == []


def test_the_verdict_on_a_kill_is_asked_of_each_record_that_was_found(airflow: Airflow) -> None:
    lose(airflow, "ours")
    [orphan] = find_orphans()
    assert orphan.state == "failed"
    end(replace(orphan, state="up_for_retry"))
    assert airflow.endpoint.requests("sagemaker", "DescribeTrainingJob") == ()
    end(orphan)
    assert stops(airflow.endpoint) == ["ours"]


def test_a_job_that_cannot_be_stopped_keeps_no_other_from_being_stopped(airflow: Airflow) -> None:
    runs = [airflow.run(pipeline(training("Train"))) for _ in range(2)]
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    for run, name in zip(runs, ("first", "second"), strict=True):
        airflow.endpoint.client("sagemaker").create_training_job(**training_request(name))
        rewrite(run, "failed", MINUTE, phase="intended", job=reach(name), job_name=name)
    airflow.endpoint.add_fault(action="StopTrainingJob", error="AccessDeniedException", times=1)

    sweep()
    sweep()
    assert [job.status for job in airflow.endpoint.jobs("training")] == ["Stopping", "Stopping"]


def test_a_job_whose_connection_is_away_is_not_taken_for_one_that_never_was(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = airflow.run(pipeline(training("Train")))
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("lost"))
    job = {**reach("lost"), "access": {**ACCESS.to_json(), "aws_conn_id": "prod"}}
    rewrite(run, "failed", MINUTE, phase="intended", job=job, job_name="lost")

    sweep()
    assert stored_record(run.run_id)["phase"] == "intended"
    assert airflow.endpoint.requests("sagemaker", "DescribeTrainingJob") == ()
    monkeypatch.setenv("AIRFLOW_CONN_PROD", "aws://")
    sweep()
    assert stops(airflow.endpoint) == ["lost"]


def test_a_task_that_its_runs_time_out_ended_has_no_end(airflow: Airflow) -> None:
    run = lose(airflow, "lost", ended_ago=None, state="skipped")
    sweep()
    assert stops(airflow.endpoint) == ["lost"]
    assert stored_record(run.run_id)["phase"] == "intended"


def lose(
    airflow: Airflow, name: str, state: str = "failed", ended_ago: timedelta | None = MINUTE, **reach_: Any
) -> Run:
    """A run whose task has ended, and whose job runs on; ``reach_`` changes what is on record of how to stop it."""
    airflow.endpoint.reset({})
    run = airflow.run(pipeline(training("Train")))
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request(name))
    rewrite(run, state, ended_ago, phase="intended", job={**reach(name), **reach_}, job_name=name)
    return run


@pytest.fixture
def clean() -> Iterator[None]:
    """No sweep of another test finds the records of this one, or takes one of its own for them."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    yield
    with create_session(scoped=False) as session:
        session.execute(delete(TaskStateStoreModel))
    sweep()


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"kind": {"noun": "job of another version"}}, "ValidationError("),
        ({"access": {"aws_conn_id": "aws_default"}}, "TypeError("),
        ({"access": {**ACCESS.to_json(), "region_name": None}}, "No AWS region is set"),
    ],
    ids=["kind", "access", "region"],
)
def test_a_record_of_no_use_keeps_no_job_from_being_stopped(
    airflow: Airflow,
    clean: None,
    bad: dict[str, Any],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    useless = lose(airflow, "first", **bad)
    good = lose(airflow, "second")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    sweep()
    assert stops(airflow.endpoint) == ["second"]
    warnings = [record.message for record in caplog.records if "could not be stopped" in record.message]
    [warning] = [message for message in warnings if useless.run_id in message]
    assert said in warning
    assert not any(good.run_id in message for message in warnings)


def test_a_stop_that_is_refused_again_and_again_is_told_less_and_less(
    airflow: Airflow, clean: None, caplog: pytest.LogCaptureFixture
) -> None:
    run = lose(airflow, "ours")
    airflow.endpoint.add_fault(action="StopTrainingJob", error="AccessDeniedException", times=9)

    def told() -> int:
        messages = [record.message for record in caplog.records if run.run_id in record.message]
        return sum("could not be stopped" in message for message in messages)

    seen = []
    for _ in range(10):
        sweep()
        seen.append(told())
    assert seen == [1, 2, 2, 3, 3, 3, 3, 4, 4, 4]
    assert len(stops(airflow.endpoint)) == 10
