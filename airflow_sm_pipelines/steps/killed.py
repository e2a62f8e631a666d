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

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.runtime.record import StepRecord

log = logging.getLogger(__name__)

# Airflow kills a process that is still there 5 s after the signal.
LONGEST_QUESTION_SECONDS = 3.0


def is_killed_by_user(context: Context, record: StepRecord) -> bool:
    """Whether the server no longer takes this try for the running one.

    The signal may have interrupted a request to the server, whose lock is then held: so the question is asked by
    another thread, and one that gets no answer in time counts as a shutdown, after which a later try finds the job.
    """
    answers: list[bool] = []
    question = threading.Thread(target=lambda: answers.append(_ask(context, record)), daemon=True)
    question.start()
    question.join(LONGEST_QUESTION_SECONDS)
    if not answers:
        log.warning("Airflow did not say in time whether the task was killed")
    return bool(answers and answers[0])


def _ask(context: Context, record: StepRecord) -> bool:
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    if states.get(ti.run_id, {}).get(ti.task_id) != "running":
        return True
    try:
        # After a clear the running one may be the next try; the store takes a record only from a try that is current.
        context["task_state_store"].set(STORE_KEY, record.to_json())
    except AirflowRuntimeError as error:
        log.info("This try is no longer the current one: %s", error)
        return True
    return False
