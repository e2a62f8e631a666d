"""The tasks of a run with what they have left, as Airflow's database has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_sm_pipelines.api.runs import Run, Task
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.server.stored_state import Stored, stored_map_index

KEYS = (JOB_KEY, RESULT_KEY, END_KEY)


def tasks_of(run: Run, session: Session) -> list[Task]:
    """The tasks of a run: three queries, however many there are."""
    row = TaskInstance
    query = select(row.task_id, row.map_index, row.state, row.start_date, row.end_date).where(
        row.dag_id == run.dag_id, row.run_id == run.run_id
    )
    left: dict[tuple[str, int], dict[str, Any]] = {}
    xcoms = select(XComModel.task_id, XComModel.map_index, XComModel.key, XComModel.value).where(
        XComModel.dag_id == run.dag_id, XComModel.run_id == run.run_id, XComModel.key.in_(KEYS)
    )
    for task_id, map_index, key, value in session.execute(xcoms):
        left.setdefault((task_id, map_index), {})[key] = plain(value)
    records = {
        (task_id, map_index): record for _, task_id, map_index, record in records_of(run.dag_id, [run.run_id], session)
    }
    found = []
    for task_id, map_index, state, started, ended in session.execute(query.order_by(row.task_id, row.map_index)):
        of_task = left.get((task_id, map_index), {})
        job = of_task.get(JOB_KEY)
        found.append(
            Task(
                task_id=task_id,
                map_index=map_index,
                state=None if state is None else str(getattr(state, "value", state)),
                started_at=_utc(started),
                ended_at=_utc(ended),
                job=job if isinstance(job, Mapping) else None,
                result=of_task.get(RESULT_KEY),
                note=EndNote.from_json(of_task.get(END_KEY)),
                record=records.get((task_id, map_index)),
            )
        )
    return found


def records_of(dag_id: str, run_ids: Sequence[str], session: Session) -> Iterator[tuple[str, str, int, StepRecord]]:
    """The records of the steps of some runs: run, task, map index and record."""
    if not run_ids:
        return
    query = select(Stored.run_id, Stored.task_id, stored_map_index, Stored.value).where(
        Stored.dag_id == dag_id, Stored.run_id.in_(run_ids), Stored.key == STORE_KEY
    )
    for run_id, task_id, map_index, text in session.execute(query):
        try:
            yield run_id, task_id, map_index, StepRecord.from_json(json.loads(text))
        except (TypeError, ValueError):
            # Another version of this package wrote it.
            continue


def plain(value: Any) -> Any:
    """A stored value; what a worker has sent is JSON text in a column of JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
