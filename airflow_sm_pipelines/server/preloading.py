"""The scheduler imports what tasks need before LocalExecutor forks its workers: none of them imports it again."""

from __future__ import annotations

import logging
import multiprocessing
from typing import Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.settings import setting

log = logging.getLogger(__name__)

SCHEDULER = "SchedulerJob"


@hookimpl
def on_starting(component: Any) -> None:
    """Called in every process of Airflow as it starts, before it can be known which one it is."""
    # A task's process, which has no database, starts with a marker instead of a job.
    if not hasattr(component, "job_type") or not setting("preload"):
        return
    try:
        attend()
    except Exception:
        log.exception("Each task imports by itself what it needs")


def attend() -> None:
    """Preload in this process once it is known to be a scheduler's: its executors start later."""
    from airflow.jobs.job import Job
    from sqlalchemy import event

    if not event.contains(Job.job_type, "set", _on_job_type):
        event.listen(Job.job_type, "set", _on_job_type)


def _on_job_type(_job: Any, job_type: Any, *_: Any) -> None:
    if job_type != SCHEDULER:
        return
    try:
        if multiprocessing.get_start_method() == "fork" and runs_tasks_itself():
            import airflow_sm_pipelines.preload  # noqa: F401 - to import it is what it is for
    except Exception:
        log.exception("Each task imports by itself what it needs")


def runs_tasks_itself() -> bool:
    """Whether one of the configured executors runs tasks in processes that are forked from the scheduler's."""
    from airflow.executors.executor_loader import ExecutorLoader

    names = ExecutorLoader.get_executor_names()
    return any(ExecutorLoader.import_executor_cls(name)[0].is_local for name in names)
