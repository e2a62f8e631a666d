"""The scheduler imports what tasks need before LocalExecutor forks its workers: none of them imports it again.

The triggerer imports the triggers before it forks the process that runs them: that one would import them in its event
loop, and all that wait there would wait for it.
"""

from __future__ import annotations

import logging
import multiprocessing
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.server.periodic import TRIGGERER
from airflow_sm_pipelines.server.starting import hear, is_component
from airflow_sm_pipelines.settings import setting

log = logging.getLogger(__name__)

SCHEDULER = "SchedulerJob"
TRIGGERS = (
    "airflow_sm_pipelines.callbacks.trigger",
    "airflow_sm_pipelines.jobs.trigger",
    "airflow_sm_pipelines.pace.trigger",
)


@hookimpl
def on_starting(component: Any) -> None:
    """Preload in this process once it is known to be a scheduler's or a triggerer's: what they fork starts later."""
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
    try:
        if job_type == TRIGGERER:
            for trigger in TRIGGERS:
                import_module(trigger)
        elif job_type != SCHEDULER:
            return
        elif multiprocessing.get_start_method() == "fork" and runs_tasks_itself():
            import airflow_sm_pipelines.preload  # noqa: F401 - to import it is what it is for
    except Exception:
        log.exception("What is forked from here imports by itself what it needs")


def runs_tasks_itself() -> bool:
    """Whether one of the configured executors runs tasks in processes that are forked from the scheduler's."""
    from airflow.executors.executor_loader import ExecutorLoader

    names = ExecutorLoader.get_executor_names()
    return any(ExecutorLoader.import_executor_cls(name)[0].is_local for name in names)
