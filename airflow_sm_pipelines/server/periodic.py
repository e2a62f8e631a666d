"""What the triggerer does now and then, besides running triggers: it is the one component that always runs."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.server.starting import is_component
from airflow_sm_pipelines.settings import setting

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.jobs.job import Job

log = logging.getLogger(__name__)

TRIGGERER = "TriggererJob"


def watch(component: Any, work: Callable[[], None], *, option: str) -> None:
    """Do some work every so many seconds while the component runs, where that is a triggerer; 0: never.

    ``option`` names the seconds in ``[sagemaker_pipelines]``. It is called in every process of Airflow as it starts,
    before it can be known which one it is.
    """
    interval = setting(option)
    if interval > 0 and is_component(component):
        threading.Thread(
            target=_watch, args=(component, interval, work), name=f"sagemaker-{option}", daemon=True
        ).start()


def _watch(component: Job, interval: float, work: Callable[[], None]) -> None:
    pause = threading.Event()
    # The process forks meanwhile: until then this thread holds nothing.
    while not pause.wait(interval):
        # It is not known yet where the process still imports what it forks with.
        if component.job_type is None:
            continue
        if component.job_type != TRIGGERER:
            return
        try:
            work()
        except Exception:
            log.exception("%s failed, and is tried again in %g s", threading.current_thread().name, interval)
