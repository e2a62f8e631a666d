"""Where the queues of paced calls live: each in one row of Airflow's database, changed by one caller at a time.

The row is a Connection, as those of the API's access keys: a task may read but not write it, and none of its columns is
encrypted that is used here. Workers have no database, so all of this runs in the API server.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from airflow.models.connection import Connection
from airflow.utils.session import create_session
from airflow.utils.sqlalchemy import with_row_locks
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from airflow_sm_pipelines.pace.queue import CallQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.pace.asking import PacedCall

T = TypeVar("T")

ROW_PREFIX = "sagemaker_pipelines_pace_"
ROW_TYPE = "sagemaker_pipelines_pace"
MAX_ROWS = 1000
MAX_ROUNDS = 100
# SQLite has no row locks: the threads of one process take turns, so that few compare in vain.
_ONE_AT_A_TIME = threading.Lock()


class TooManyRowsError(Exception):
    """Somebody asks for ever more accounts and regions."""


class ContendedError(Exception):
    """Others have changed the row each time."""


def row_of(call: PacedCall) -> str:
    """The connection id of the row."""
    return f"{ROW_PREFIX}{call.api}_{call.account or 'unknown'}_{call.region}"


def change_queue(call: PacedCall, change: Callable[[CallQueue], tuple[CallQueue, T]]) -> T:
    """Change a queue, and give what came of it. ``change`` may be called more than once.

    The row is locked while it is changed. Where the database has no row locks, it is written only if it is as it was
    read, and else read again.

    :raises TooManyRowsError: for a new row beyond the bound
    :raises ContendedError: where the row cannot be changed for all the others
    """
    name = row_of(call)
    for _ in range(MAX_ROUNDS):
        try:
            with create_session(scoped=False) as session, _turn(session):
                done, result = _change(session, name, change)
                # Within the turn, or another thread reads what is not written yet.
                session.commit()
        except IntegrityError:
            # Another has made the row.
            continue
        if done:
            return result
    raise ContendedError(name)


def _turn(session: Session) -> Any:
    return _ONE_AT_A_TIME if session.get_bind().dialect.name == "sqlite" else nullcontext()


def _change(session: Session, name: str, change: Callable[[CallQueue], tuple[CallQueue, T]]) -> tuple[bool, T]:
    query = select(Connection.description).where(Connection.conn_id == name)
    found = session.execute(with_row_locks(query, session=session, of=Connection)).one_or_none()
    queue, result = change(CallQueue() if found is None else _read(found[0]))
    text = msgspec.json.encode(queue).decode()
    if found is None:
        _check_room(session)
        session.execute(insert(Connection).values(conn_id=name, conn_type=ROW_TYPE, description=text))
        return True, result
    as_read = Connection.description.is_(None) if found[0] is None else Connection.description == found[0]
    changed: Any = session.execute(
        update(Connection)
        .where(Connection.conn_id == name, as_read)
        .values(description=text)
        .execution_options(synchronize_session=False)
    )
    # MySQL counts no row that has these values already.
    return changed.rowcount == 1 or text == found[0], result


def _read(text: str | None) -> CallQueue:
    """The queue; one that cannot be read begins anew."""
    try:
        return msgspec.json.decode(text or "", type=CallQueue)
    except msgspec.MsgspecError:
        return CallQueue()


def _check_room(session: Session) -> None:
    rows = session.scalar(select(func.count()).where(Connection.conn_id.startswith(ROW_PREFIX, autoescape=True)))
    if (rows or 0) >= MAX_ROWS:
        raise TooManyRowsError(f"there are {rows} rows")
