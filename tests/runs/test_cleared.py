"""A clear that discards what the task keeps, as Airflow 3.4 does it: the old job is stopped all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.operators.stop_note import CLEARS_DISCARD, STOP_NOTE_KEY
from airflow_sm_pipelines.server.orphan_sweep import sweep
from airflow_sm_pipelines.server.stored_xcom import OF_ATTEMPTS
from tests.runs.harness import Airflow, Run, pipeline, training
from tests.runs.lost_tries import MINUTE, rewrite
from tests.runs.test_unowned_jobs import reach, stops

pytestmark = pytest.mark.skipif(
    not CLEARS_DISCARD, reason="this Airflow keeps the state of cleared tasks: make test-next"
)


def left_by(airflow: Airflow, run: Run, job: str) -> None:
    """Let a job run that the run's try has begun, and of which it has left a note."""
    airflow.endpoint.reset({"defaults": {"duration": 100, "stopping": 10}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request(job))
    with create_session() as session:
        [attempt] = session.scalars(select(TaskInstance.id).where(TaskInstance.run_id == run.run_id))
        note: Any = session.scalar(
            select(OF_ATTEMPTS).where(OF_ATTEMPTS.task_instance_id == attempt, OF_ATTEMPTS.key == STOP_NOTE_KEY)
        )
        note.value = json.dumps({"job_name": job, "target": reach(job)})


def clear(run: Run, *, discard: bool) -> None:
    """What Airflow's API server does with the tasks of a run that a user clears."""
    from airflow.api_fastapi.core_api.services.public import task_instances

    discard_state: Any = getattr(task_instances, "_discard_task_state_store", None)
    with create_session() as session:
        tasks = list(session.scalars(select(TaskInstance).where(TaskInstance.run_id == run.run_id)))
        if discard:
            discard_state(tasks, session, event="cleared")
        clear_task_instances(tasks, session)


def notes() -> list[Any]:
    with create_session() as session:
        return list(session.scalars(select(OF_ATTEMPTS.value).where(OF_ATTEMPTS.key == STOP_NOTE_KEY)))


def test_the_job_of_a_cleared_try_is_stopped_though_its_record_is_gone(airflow: Airflow) -> None:
    run = airflow.run(pipeline(training("Train")))
    [request] = airflow.created("CreateTrainingJob")
    assert run.xcom("Train", STOP_NOTE_KEY)["job_name"] == request["TrainingJobName"]
    left_by(airflow, run, "left")
    sweep()
    assert stops(airflow.endpoint) == []

    clear(run, discard=True)
    sweep()
    assert stops(airflow.endpoint) == ["left"]
    airflow.endpoint.advance(10)
    sweep()
    assert notes() == []
    before = len(airflow.endpoint.requests())
    sweep()
    assert len(airflow.endpoint.requests()) == before


def test_a_clear_that_keeps_the_state_leaves_the_job_to_the_next_try(airflow: Airflow) -> None:
    run = airflow.run(pipeline(training("Train")))
    left_by(airflow, run, "kept")
    rewrite(run, "failed", MINUTE, phase="intended", job=reach("kept"), job_name="kept")
    clear(run, discard=False)
    sweep()
    assert stops(airflow.endpoint) == []
