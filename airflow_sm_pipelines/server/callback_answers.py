"""From a token to the waiting step, and the answer to its place. Runs in the API server, with the database at hand."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

# Airflow's own routes take it from here.
from airflow._shared.state import TaskScope
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.state import get_state_backend
from airflow.utils.session import create_session
from airflow.utils.state import State
from msgspec.structs import replace
from sqlalchemy import select

from airflow_sm_pipelines.callbacks.message import ANSWER_STORE_KEY, AnswerState, answer_key, digest_of, is_token_of
from airflow_sm_pipelines.callbacks.store import answer_entry
from airflow_sm_pipelines.server.stored_xcom import locked_slot, write_slot
from airflow_sm_pipelines.wire.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.callbacks.requests import Answering

# SQLite has no row locks.
_ONE_AT_A_TIME = threading.Lock()


def take_answer(request: Answering, may: Callable[[str], bool] = lambda _: True) -> str:
    """Leave an answer for the step that its token belongs to, and return the ARN of the execution.

    A token takes one answer. The same call again (known by its ClientRequestToken, which botocore's own retries keep)
    gets the same response and changes nothing.

    :param may: whether who answers may do so for the pipeline, by its dag id

    :raises ApiError: ResourceNotFound where no step waits for the token, or no longer; ConflictException where it has
        got its answer
    """
    digest = digest_of(request.token)
    with create_session() as session:
        # Whoever guesses tokens does not hold up the answers.
        dag_id = session.scalar(select(XComModel.dag_id).where(XComModel.key == answer_key(digest)))
        if dag_id is None or not may(dag_id):
            raise _not_found()
    with _ONE_AT_A_TIME, create_session() as session:
        return _take(request, digest, session)


def _take(request: Answering, digest: str, session: Session) -> str:
    row = locked_slot(answer_key(digest), session)
    held = None if row is None else AnswerState.found_in(row.value)
    if row is None or held is None or not is_token_of(request.token, row.key.rpartition("_")[2]):
        raise _not_found()
    if held.state == "answered":
        if request.request_token is not None and held.request == digest_of(request.request_token):
            return held.execution_arn
        raise ApiError("ConflictException", "The step of this callback token has got its answer.")
    if held.state == "waiting":
        if not _waits(row, session):
            raise _not_found()
        # The trigger sees the slot alone; what a later try can see, when XCom is emptied, is the store.
        scope = TaskScope(dag_id=row.dag_id, run_id=row.run_id, task_id=row.task_id, map_index=row.map_index)
        entry = json.dumps(answer_entry(digest, request.answer))
        get_state_backend().set(scope, ANSWER_STORE_KEY, entry, session=session)
    # A step that was killed has asked for an answer, which is taken and changes nothing.
    given = request.request_token
    answered = replace(
        held, state="answered", answer=request.answer, request=None if given is None else digest_of(given)
    )
    write_slot(row, answered.to_text(), session)
    return held.execution_arn


def _waits(row: Any, session: Session) -> bool:
    """Whether the step still can take an answer: its task has not ended."""
    task = session.scalar(
        select(TaskInstance).where(
            TaskInstance.dag_id == row.dag_id,
            TaskInstance.run_id == row.run_id,
            TaskInstance.task_id == row.task_id,
            TaskInstance.map_index == row.map_index,
        )
    )
    return task is not None and task.state not in State.finished


def _not_found() -> ApiError:
    return ApiError("ResourceNotFound", "No step waits for this callback token.")
