"""Jobs whose task has ended while nobody was there to stop them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_sm_pipelines.catalog.training import KIND
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.runtime.aws import AwsAccess
from airflow_sm_pipelines.runtime.unowned import reach_of, stop_unowned
from tests.runs.harness import Airflow, Run, pipeline, training

ACCESS = AwsAccess("aws_default", None, None, None)
KEY = "sagemaker_job"


def stops(endpoint: LocalEndpoint) -> list[str]:
    return [call.parameters["TrainingJobName"] for call in endpoint.requests("sagemaker", "StopTrainingJob")]


def reach(name: str) -> dict[str, Any]:
    """A training job's reach, as a record has it."""
    reached: dict[str, Any] = json.loads(json.dumps(reach_of(KIND, ACCESS, name)))
    return reached


def test_a_job_is_asked_to_stop_once_and_done_with_when_it_has_ended(local_endpoint: LocalEndpoint) -> None:
    local_endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    local_endpoint.client("sagemaker").create_training_job(**training_request("lost"))

    assert [stop_unowned(reach("lost")), stop_unowned(reach("lost"))] == [False, False]
    assert stops(local_endpoint) == ["lost"]
    local_endpoint.advance(10)
    assert stop_unowned(reach("lost"))
    assert stops(local_endpoint) == ["lost"]


def test_nothing_is_to_be_done_about_a_job_that_never_was(local_endpoint: LocalEndpoint) -> None:
    assert stop_unowned(reach("never"))
    assert stops(local_endpoint) == []


def rewrite(run: Run, state: str, ended_ago: timedelta, **changes: Any) -> None:
    """Let a run's task be in another state, and its record say something else."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    ended = {"state": state, "end_date": datetime.now(UTC) - ended_ago}
    with create_session() as session:
        session.execute(update(TaskInstance).where(TaskInstance.run_id == run.run_id).values(**ended))
        session.execute(
            update(TaskStateStoreModel)
            .where(TaskStateStoreModel.run_id == run.run_id, TaskStateStoreModel.key == KEY)
            .values(value=json.dumps({**record(run), **changes}))
        )


def record(run: Run) -> dict[str, Any]:
    """The record of a run's only task."""
    from airflow.models.task_state_store import TaskStateStoreModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        stored = session.scalar(
            select(TaskStateStoreModel.value).where(
                TaskStateStoreModel.run_id == run.run_id, TaskStateStoreModel.key == KEY
            )
        )
    assert stored is not None
    found: dict[str, Any] = json.loads(stored)
    return found


MINUTE = timedelta(minutes=1)


def test_the_sweep_stops_the_job_of_a_task_that_ended_without_a_word(airflow: Airflow) -> None:
    from airflow_sm_pipelines.listeners.unowned_sweep import sweep

    run = airflow.run(pipeline(training("Train")))
    assert (record(run)["phase"], record(run)["job"]) == ("delivered", {})
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("lost"))
    rewrite(run, "failed", MINUTE, phase="intended", job=reach("lost"), job_name="lost")

    sweep()
    assert stops(airflow.endpoint) == ["lost"]
    assert record(run)["phase"] == "intended"
    airflow.endpoint.advance(10)
    sweep()
    assert (record(run)["phase"], record(run)["job"]) == ("delivered", {})
    before = len(airflow.endpoint.requests())
    sweep()
    assert len(airflow.endpoint.requests()) == before


@pytest.mark.parametrize(
    ("state", "ended_ago"),
    [("running", MINUTE), ("deferred", MINUTE), ("up_for_retry", MINUTE), ("failed", timedelta(0))],
)
def test_the_sweep_leaves_a_job_to_who_may_still_come_for_it(
    airflow: Airflow, state: str, ended_ago: timedelta
) -> None:
    from airflow_sm_pipelines.listeners.unowned_sweep import sweep

    run = airflow.run(pipeline(training("Train")))
    airflow.endpoint.reset({"defaults": {"duration": 100}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    rewrite(run, state, ended_ago, phase="intended", job=reach("ours"), job_name="ours")

    sweep()
    assert airflow.endpoint.requests("sagemaker", "DescribeTrainingJob") == ()
    assert stops(airflow.endpoint) == []


def test_a_job_that_cannot_be_stopped_keeps_no_other_from_being_stopped(airflow: Airflow) -> None:
    from airflow_sm_pipelines.listeners.unowned_sweep import sweep

    runs = [airflow.run(pipeline(training("Train"))) for _ in range(2)]
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    for run, name in zip(runs, ("first", "second"), strict=True):
        airflow.endpoint.client("sagemaker").create_training_job(**training_request(name))
        rewrite(run, "failed", MINUTE, phase="intended", job=reach(name), job_name=name)
    airflow.endpoint.add_fault(action="StopTrainingJob", error="AccessDeniedException", times=1)

    sweep()
    sweep()
    assert [job.status for job in airflow.endpoint.jobs("training")] == ["Stopping", "Stopping"]
