"""The triggerer looks, now and then, for jobs that run on though their task has ended, and stops them."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.settings import SECTION

if TYPE_CHECKING:
    from airflow.jobs.job import Job

log = logging.getLogger(__name__)

TRIGGERER = "TriggererJob"


@hookimpl
def on_starting(component: Any) -> None:
    """Called in every process of Airflow as it starts, before it can be known which one it is."""
    from airflow.providers.common.compat.sdk import conf

    interval = conf.getfloat(SECTION, "unowned_jobs_interval", fallback=60.0)
    # A task's process, which has no database, starts with a marker instead of a job.
    if interval > 0 and hasattr(component, "job_type"):
        threading.Thread(target=_watch, args=(component, interval), name="sagemaker-unowned-jobs", daemon=True).start()


def _watch(component: Job, interval: float) -> None:
    pause = threading.Event()
    # The process forks meanwhile: until then this thread holds nothing.
    while not pause.wait(interval):
        if component.job_type != TRIGGERER:
            return
        try:
            from airflow_sm_pipelines.listeners.unowned_sweep import sweep

            sweep()
        except Exception:
            log.exception("Looking for jobs whose task has ended failed, and is tried again in %g s", interval)
