"""From a token to the waiting step, and the answer to its place. Runs in the API server, with the database at hand."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

# Airflow's own routes take it from here.
from airflow._shared.state import TaskScope
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.state import get_state_backend
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import with_row_locks
from airflow.utils.state import State
from msgspec.structs import replace
from sqlalchemy import select

from airflow_sm_pipelines.callbacks.message import ANSWER_STORE_KEY, Letter, digest_of, is_token_of, mailbox_key
from airflow_sm_pipelines.callbacks.requests import WireError
from airflow_sm_pipelines.callbacks.store import answer_entry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.callbacks.requests import Answering

# SQLite has no row locks.
_ONE_AT_A_TIME = threading.Lock()


def take_answer(request: Answering) -> str:
    """Leave an answer for the step that its token belongs to, and return the ARN of the execution.

    A token takes one answer. The same call again (known by its ClientRequestToken, which botocore's own retries keep)
    gets the same response and changes nothing.

    :raises WireError: ResourceNotFound where no step waits for the token, or no longer; ConflictException where it has
        got its answer
    """
    digest = digest_of(request.token)
    with create_session() as session:
        # Whoever guesses tokens does not hold up the answers.
        if session.scalar(select(XComModel.task_id).where(XComModel.key == mailbox_key(digest))) is None:
            raise _not_found()
    with _ONE_AT_A_TIME, create_session() as session:
        return _take(request, digest, session)


def _take(request: Answering, digest: str, session: Session) -> str:
    query = select(XComModel).where(XComModel.key == mailbox_key(digest))
    row = session.scalar(with_row_locks(query, session=session, of=XComModel))
    letter = None if row is None else Letter.found_in(row.value)
    if row is None or letter is None or not is_token_of(request.token, row.key.rpartition("_")[2]):
        raise _not_found()
    if letter.state == "answered":
        if request.request_token is not None and letter.request == digest_of(request.request_token):
            return letter.execution_arn
        raise WireError("ConflictException", "The step of this callback token has got its answer.")
    if letter.state == "waiting":
        if not _waits(row, session):
            raise _not_found()
        # The trigger sees the mailbox alone; what a later try can see, when XCom is emptied, is the store.
        scope = TaskScope(dag_id=row.dag_id, run_id=row.run_id, task_id=row.task_id, map_index=row.map_index)
        entry = json.dumps(answer_entry(digest, request.answer))
        get_state_backend().set(scope, ANSWER_STORE_KEY, entry, session=session)
    # A step that was killed has asked for an answer, which is taken and changes nothing.
    given = request.request_token
    answered = replace(
        letter, state="answered", answer=request.answer, request=None if given is None else digest_of(given)
    )
    row.value = answered.to_text()
    return letter.execution_arn


def _waits(row: XComModel, session: Session) -> bool:
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


def _not_found() -> WireError:
    return WireError("ResourceNotFound", "No step waits for this callback token.")
