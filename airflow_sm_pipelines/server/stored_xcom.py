"""The slots of callback answers in Airflow's table of XComs, read and written as this version of Airflow allows.

Up to Airflow 3.3 a slot's row is locked, and changed in place. Since 3.4 an XCom is of one attempt of its task, and is
read through a projection of two tables, which can be neither locked nor written: the waiting attempt is locked instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models import xcom
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.sqlalchemy import with_row_locks
from sqlalchemy import select

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# The table of the XComs of attempts; None before Airflow 3.4.
OF_ATTEMPTS: Any = getattr(xcom, "XComModelV2", None)


def locked_slot(key: str, session: Session) -> Any | None:
    """The slot of that key, which nobody else changes while the session's transaction goes on; None without one."""
    query = select(XComModel).where(XComModel.key == key)
    if OF_ATTEMPTS is None:
        return session.scalar(with_row_locks(query, session=session, of=XComModel))
    found: Any = session.scalar(query)
    if found is None:
        return None
    attempt = select(TaskInstance.id).where(TaskInstance.id == found.task_instance_id)
    session.execute(with_row_locks(attempt, session=session, of=TaskInstance))
    # Whoever held the lock may have answered.
    return session.scalar(query.execution_options(populate_existing=True))


def write_slot(slot: Any, text: str, session: Session) -> None:
    """Let a slot hold a text."""
    if OF_ATTEMPTS is None:
        slot.value = text
        return
    writer: Any = XComModel
    writer.set_for_attempt(
        task_instance_id=slot.task_instance_id, key=slot.key, value=text, serialize=False, session=session
    )
