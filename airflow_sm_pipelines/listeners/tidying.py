"""The triggerer looks, now and then, for pools and cached results that nothing needs any more, and removes them."""

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

    interval = conf.getfloat(SECTION, "tidying_interval", fallback=600.0)
    # A task's process, which has no database, starts with a marker instead of a job.
    if interval > 0 and hasattr(component, "job_type"):
        threading.Thread(target=_watch, args=(component, interval), name="sagemaker-tidying", daemon=True).start()


def _watch(component: Job, interval: float) -> None:
    pause = threading.Event()
    # The process forks meanwhile: until then this thread holds nothing.
    while not pause.wait(interval):
        if component.job_type != TRIGGERER:
            return
        try:
            tidy()
        except Exception:
            log.exception("Removing what nothing needs any more failed, and is tried again in %g s", interval)


def tidy() -> None:
    """Remove the pools and the cached results that nothing needs."""
    from airflow.utils.session import create_session

    from airflow_sm_pipelines.listeners.unneeded_pools import remove_unneeded
    from airflow_sm_pipelines.runtime.cache_admin import forget_unlisted

    with create_session(scoped=False) as session:
        removed = remove_unneeded(session)
    if removed:
        log.info("Removed pools that nothing needs any more: %s", ", ".join(removed))
    with create_session(scoped=False) as session:
        forgotten = forget_unlisted(session)
    if forgotten:
        log.info("Forgot %d cached results that were in no step's index", forgotten)
