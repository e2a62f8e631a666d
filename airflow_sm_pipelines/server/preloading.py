"""The scheduler imports what tasks need before LocalExecutor forks its workers: none of them imports it again."""

from __future__ import annotations

import logging
import multiprocessing
from typing import Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.server.starting import hear, is_component
from airflow_sm_pipelines.settings import setting

log = logging.getLogger(__name__)

SCHEDULER = "SchedulerJob"


@hookimpl
def on_starting(component: Any) -> None:
    """Preload in this process once it is known to be a scheduler's: its executors start later."""
    if not is_component(component):
        return
    try:
        if setting("preload"):
            from airflow.jobs.job import Job

            hear(Job.job_type, _on_job_type)
    except Exception:
        # What is raised here would keep the listeners after this one from being called.
        log.exception("Each task imports by itself what it needs")


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
