"""From what a task asks to its answer. Runs in the API server, with the database at hand."""

from __future__ import annotations

import hmac
import json
import time
from typing import TYPE_CHECKING

# Airflow's own routes take it from here.
from airflow._shared.state import TaskScope
from airflow.models.taskinstance import TaskInstance
from airflow.state import get_state_backend
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from airflow_sm_pipelines.pace.asking import STORE_KEY, Asking, PaceMessage, TaskRef, digest_of
from airflow_sm_pipelines.pace.queue import Answer, CallQueue
from airflow_sm_pipelines.server.pace_rows import change_queue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HEARD = Answer(True, 0.0)
"""The answer to a message that asks for nothing."""


class NotTheTaskError(Exception):
    """Whoever asks has not shown to be a task that runs."""


class NoPaceError(Exception):
    """The call has no pace in the settings of the API server."""


def answer(asking: Asking, rates: Mapping[str, float], clock: Callable[[], float] = time.time) -> Answer:
    """The answer to a task; ``rates`` are the calls a second by API.

    :raises NotTheTaskError: where no such task runs, or it has another secret
    :raises NoPaceError: where the call has no pace here, though the task's own settings give it one
    """
    if not is_running_task(asking.task, asking.secret):
        raise NotTheTaskError
    if asking.call.api not in rates:
        raise NoPaceError
    least = 1 / rates[asking.call.api]
    return change_queue(asking.call, lambda queue: said(asking, queue, clock(), least))


def said(asking: Asking, queue: CallQueue, now: float, least: float) -> tuple[CallQueue, Answer]:
    """What a message changes in a queue, and the answer to it; ``least`` is the interval that is configured."""
    match asking.message:
        case PaceMessage.TAKEN:
            return queue.taken(now, least), HEARD
        case PaceMessage.GIVEN_UP:
            return queue.widened(now, least, asking.permit), HEARD
        case PaceMessage.THROTTLED:
            return queue.throttled(now, least, asking.permit, may_defer=asking.may_defer)
        case PaceMessage.ASK | PaceMessage.ASK_AGAIN:
            again = asking.message is PaceMessage.ASK_AGAIN
            return queue.ask(now, least, again=again, may_defer=asking.may_defer)


def is_running_task(task: TaskRef, secret: str) -> bool:
    """Whether the task runs, and has put the digest of this secret into its state store, where it alone writes."""
    scope = TaskScope(dag_id=task.dag_id, run_id=task.run_id, task_id=task.task_id, map_index=task.map_index)
    with create_session(scoped=False) as session:
        stored = get_state_backend().get(scope, STORE_KEY, session=session)
        state = session.scalar(
            select(TaskInstance.state).where(
                TaskInstance.dag_id == task.dag_id,
                TaskInstance.run_id == task.run_id,
                TaskInstance.task_id == task.task_id,
                TaskInstance.map_index == task.map_index,
            )
        )
    return hmac.compare_digest(_digest_in(stored), digest_of(secret)) and state == TaskInstanceState.RUNNING


def _digest_in(stored: str | None) -> str:
    try:
        found = json.loads(stored or "")["digest"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""
    return found if isinstance(found, str) and found.isascii() else ""
