"""How many jobs the deployment waits for, counted in Airflow's database: the same whichever triggerer counts."""

from __future__ import annotations

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select

from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.observing.metrics import JOBS_IN_FLIGHT
from airflow_sm_pipelines.observing.stats import stats

CLASS_PATH = f"{JobTrigger.__module__}.{JobTrigger.__qualname__}"


def report_jobs_in_flight() -> None:
    """Report how many jobs triggers wait for; no query is made where metrics are off."""
    if stats() is None:
        return
    waiting = (
        select(func.count(TaskInstance.id))
        .join(Trigger, TaskInstance.trigger_id == Trigger.id)
        .where(TaskInstance.state == TaskInstanceState.DEFERRED, Trigger.classpath == CLASS_PATH)
    )
    with create_session(scoped=False) as session:
        JOBS_IN_FLIGHT.set(session.scalar(waiting) or 0)
