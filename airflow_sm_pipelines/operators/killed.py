"""Telling a user's kill from the shutdown of a worker: both reach a running task as the same signal.

A user's kill has taken the task's state on the server before the signal comes. A shutdown has not: there what the task
waits for must go on, and the next try goes on with it.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from airflow_sm_pipelines.jobs.task_states import ENDED, task_state

if TYPE_CHECKING:
    from collections.abc import Container

    from airflow.sdk import Context

log = logging.getLogger(__name__)

# Airflow kills a process that is still there 5 s after the signal.
LONGEST_QUESTION_SECONDS = 3.0

# No later try comes after these, or only one that begins anew: a task that is cleared while it runs is restarting.
WITHOUT_HEIR = ENDED | {"restarting"}


def is_without_heir(context: Context) -> bool:
    """Whether no later try will take over what this one has begun.

    Otherwise that try decides: it goes on with the job, or stops it where the task was cleared. This one may have
    been lost to the server, its heartbeats or its scheduler, and may be told so only when the later one is at work.
    """
    return _is_in(WITHOUT_HEIR, context)


def is_ended(context: Context) -> bool:
    """Whether no later try comes at all, not even one that begins anew and sees to what this one has begun."""
    return _is_in(ENDED, context)


def _is_in(states: Container[str | None], context: Context) -> bool:
    """The answer of the server to a question that is asked while the task is being killed.

    The signal may have interrupted a request to the server, whose lock is then held: so the question is asked by
    another thread, and one that gets no answer in time counts as a shutdown, after which a later try finds the job.
    """
    answers: list[bool] = []
    asking = threading.Thread(target=lambda: answers.append(task_state(context["ti"]) in states), daemon=True)
    asking.start()
    asking.join(LONGEST_QUESTION_SECONDS)
    if not answers:
        log.warning("Airflow did not say in time whether the task was killed")
    return bool(answers and answers[0])
