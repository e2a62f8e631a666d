"""Telling a user's kill from the shutdown of a worker: both reach a running task as the same signal.

A user's kill has taken the task's state on the server before the signal comes. A shutdown has not: there the job must
go on, and the next try adopts it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_sm_pipelines.runtime.record import STORE_KEY
from airflow_sm_pipelines.runtime.task_states import GONE, task_state

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from airflow_sm_pipelines.runtime.record import StepRecord

log = logging.getLogger(__name__)

# Airflow kills a process that is still there 5 s after the signal.
LONGEST_QUESTION_SECONDS = 3.0

# No later try comes after these, or only one that begins anew: a task that is cleared while it runs is restarting.
WITHOUT_HEIR = frozenset({"success", "failed", "skipped", "upstream_failed", "restarting", GONE})


def is_killed_by_user(context: Context, record: StepRecord) -> bool:
    """Whether the server no longer takes this try for the running one."""
    return _in_time(lambda: _ask(context, record))


def is_without_heir(context: Context) -> bool:
    """Whether no later try will take over what this one has begun.

    Otherwise that try decides: it goes on with the job, or stops it where the task was cleared. This one may have
    been lost to the server, its heartbeats or its scheduler, and may be told so only when the later one is at work.
    """
    return _in_time(lambda: task_state(context["ti"]) in WITHOUT_HEIR)


def _in_time(question: Callable[[], bool]) -> bool:
    """The answer of the server to a question that is asked while the task is being killed.

    The signal may have interrupted a request to the server, whose lock is then held: so the question is asked by
    another thread, and one that gets no answer in time counts as a shutdown, after which a later try finds the job.
    """
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(question()), daemon=True)
    asking.start()
    asking.join(LONGEST_QUESTION_SECONDS)
    if not answers:
        log.warning("Airflow did not say in time whether the task was killed")
    return bool(answers and answers[0])


def _ask(context: Context, record: StepRecord) -> bool:
    if task_state(context["ti"]) != "running":
        return True
    try:
        # After a clear the running one may be the next try; the store takes a record only from a try that is current.
        context["task_state_store"].set(STORE_KEY, record.to_json())
    except AirflowRuntimeError as error:
        log.info("This try is no longer the current one: %s", error)
        return True
    return False
