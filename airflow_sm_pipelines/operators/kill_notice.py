"""What a task asks and tells Airflow's server while it is being killed, in the few seconds that it has.

The signal may have interrupted a request to the server, whose lock is then held: so another thread asks and tells, and
what takes too long is left.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from airflow_sm_pipelines.jobs.kill_verdict import UNKNOWN
from airflow_sm_pipelines.jobs.task_states import task_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

log = logging.getLogger(__name__)

# Airflow kills a process that is still there 5 s after the signal.
MAX_QUESTION_SECONDS = 3.0
MAX_RECORD_SECONDS = 1.5


def state_in_time(context: Context) -> str | None:
    """The state of the task on the server, ``unknown`` where the server does not say it in time."""
    answers: list[str | None] = []

    def ask() -> None:
        try:
            answers.append(task_state(context["ti"]))
        except Exception as error:  # noqa: BLE001 # whatever it is, the task goes on being killed
            log.warning("Airflow does not say in which state the task is: %r", error)
            answers.append(UNKNOWN)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(MAX_QUESTION_SECONDS)
    if not answers:
        log.warning("Airflow did not say in time whether the task was killed")
        return UNKNOWN
    return answers[0]


def record_before_exit(write: Callable[[], object]) -> None:
    """Call what writes the record, for a while at most; what is not written in time, or refused, is left."""

    def attempt() -> None:
        try:
            write()
        except Exception as error:  # noqa: BLE001 # refused, or gone: the job is stopped all the same
            log.info("The server does not take it from this try: %r", error)

    writing = threading.Thread(target=attempt, daemon=True)
    writing.start()
    writing.join(MAX_RECORD_SECONDS)
