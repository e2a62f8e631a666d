"""Jobs of attempts that were cleared together with their record, which Airflow 3.4 discards.

Their tasks go on with another attempt that knows nothing of them. What the cleared attempt has left as an XCom
(:mod:`airflow_sm_pipelines.operators.stop_note`) tells how they are stopped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from msgspec import Struct
from sqlalchemy import delete, select

from airflow_sm_pipelines.jobs.record import STORE_KEY
from airflow_sm_pipelines.operators.stop_note import JOB_NAME, STOP_NOTE_KEY, TARGET
from airflow_sm_pipelines.server.orphan_rows import MAX_AGE
from airflow_sm_pipelines.server.stored_state import Stored, stored_map_index
from airflow_sm_pipelines.server.stored_xcom import OF_ATTEMPTS


class ClearedAttempt(Struct, frozen=True):
    """An attempt that no try goes on with, and the job that it had. ``attempt`` is the id of its row."""

    attempt: Any
    task: str
    job_name: str
    target: Mapping[str, Any]


def find_cleared() -> list[ClearedAttempt]:
    """The attempts of the last day whose job is not that of the task's record: none before Airflow 3.4."""
    if OF_ATTEMPTS is None:
        return []
    row: Any = TaskInstance
    with create_session(scoped=False) as session:
        notes = session.execute(
            select(
                OF_ATTEMPTS.task_instance_id, OF_ATTEMPTS.value, row.dag_id, row.run_id, row.task_id, row.region_index
            )
            .join(row, OF_ATTEMPTS.task_instance_id == row.id)
            .where(
                OF_ATTEMPTS.key == STOP_NOTE_KEY,
                # Earlier attempts than the task's present one.
                row.working_set.is_not(True),
                OF_ATTEMPTS.timestamp > datetime.now(UTC) - MAX_AGE,
            )
            .execution_options(include_all_attempts=True)
        ).all()
        return [found for note in notes if (found := _found(note, _job_on_record(session, note))) is not None]


def forget(attempt: ClearedAttempt) -> None:
    """Nothing is left to be done about an attempt."""
    with create_session(scoped=False) as session:
        session.execute(
            delete(OF_ATTEMPTS)
            .where(OF_ATTEMPTS.task_instance_id == attempt.attempt, OF_ATTEMPTS.key == STOP_NOTE_KEY)
            .execution_options(include_all_attempts=True, synchronize_session=False)
        )


def _job_on_record(session: Any, note: Any) -> str | None:
    """The job of the task's present record: a retry goes on with it, and so does a try after a clear that keeps it."""
    text = session.scalar(
        select(Stored.value).where(
            Stored.key == STORE_KEY,
            Stored.dag_id == note.dag_id,
            Stored.run_id == note.run_id,
            Stored.task_id == note.task_id,
            stored_map_index == note.region_index,
        )
    )
    members = _members(text)
    return None if members is None else members.get("job_name")


def _found(note: Any, on_record: str | None) -> ClearedAttempt | None:
    left = _members(note.value)
    if left is None or left.get(JOB_NAME) == on_record or not isinstance(left.get(TARGET), dict):
        return None
    task = ".".join((note.dag_id, note.run_id, note.task_id))
    return ClearedAttempt(note.task_instance_id, task, str(left.get(JOB_NAME)), left[TARGET])


def _members(stored: Any) -> dict[str, Any] | None:
    try:
        value = json.loads(stored) if isinstance(stored, str) else stored
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
