"""What Airflow's database says of a run that goes on, as events. Runs in the process that keeps the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import State
from sqlalchemy import func, select

from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.operators.links import AwsConsoleLink
from airflow_sm_pipelines.operators.outcome_task import TASK_ID as OUTCOME
from airflow_sm_pipelines.running.events import StepChanged, StepLeft
from airflow_sm_pipelines.running.produced import produced
from airflow_sm_pipelines.server.stored_state import Stored, stored_map_index

RUNNING = "running"
# In one process a task that waits for its trigger is queued again.
_UNDER_WAY = frozenset({"running", "queued", "deferred"})
_CONSOLE = AwsConsoleLink().xcom_key
_RESULT = "return_value"
_KEYS = (JOB_KEY, _CONSOLE, END_KEY)
_Task = tuple[str, int]


def last_run_of(dag_id: str) -> int:
    """The number of the newest run, 0 where there is none."""
    with create_session(scoped=False) as session:
        return session.scalar(select(func.max(DagRun.id)).where(DagRun.dag_id == dag_id)) or 0


class RunWatch:
    """The one run of a Dag that comes after run number ``after``.

    ``run_id`` and ``state`` are None until it exists. ``steps`` is the last event of each task.
    """

    def __init__(self, dag_id: str, after: int) -> None:
        self.dag_id, self._after = dag_id, after
        self.run_id: str | None = None
        self.state: str | None = None
        self.steps: dict[_Task, StepChanged] = {}
        self._left: dict[_Task, StepLeft] = {}

    def look(self) -> list[StepChanged | StepLeft]:
        """What has changed since the last look."""
        with create_session(scoped=False) as session:
            run = session.execute(
                select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == self.dag_id, DagRun.id > self._after)
            ).first()
            if run is None:
                return []
            self.run_id, self.state = run.run_id, str(run.state)
            columns = (TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state, TaskInstance.try_number)
            tasks = session.execute(
                select(*columns, TaskInstance.start_date, TaskInstance.end_date).where(
                    TaskInstance.dag_id == self.dag_id, TaskInstance.run_id == self.run_id
                )
            ).all()
            asked = [task for task in tasks if self._may_have_changed(task)]
            left = self._left_by(session, asked)
        changed = [change for task in asked if (change := _change_of(task, left)) != self.steps.get((task[0], task[1]))]
        self.steps |= {(step.task_id, step.map_index): step for step in changed}
        newly = [of for key, found in left.items() if (of := _left_of(key, found)) != self._left.get(key)]
        self._left |= {(each.task_id, each.map_index): each for each in newly}
        # First what a task has left: who learns that it has ended can know of all.
        return [*newly, *changed]

    def reasons(self) -> tuple[str, ...]:
        """Why the run failed, in a line each. The task that reports how a run ends only counts where no step failed."""
        failed = [step for step in self.steps.values() if step.state == "failed"]
        relevant = [step for step in failed if step.task_id != OUTCOME] or failed
        return tuple(f"{step.name}: {step.reason or 'it left no reason: see the log'}" for step in relevant)

    def _may_have_changed(self, task: Any) -> bool:
        known = self.steps.get((task.task_id, task.map_index))
        return known is None or known.state == RUNNING or known.state != _state_of(task)

    def _left_by(self, session: Any, tasks: Sequence[Any]) -> Mapping[_Task, Mapping[str, Any]]:
        """The XComs that count, and the record. A result is read once its task has ended: it may be large."""
        begun = [task for task in tasks if task.start_date is not None]
        left: dict[_Task, dict[str, Any]] = {}
        records = session.execute(
            select(Stored.task_id, stored_map_index, Stored.value).where(
                Stored.key == STORE_KEY,
                Stored.dag_id == self.dag_id,
                Stored.run_id == self.run_id,
                Stored.task_id.in_({task.task_id for task in begun}),
            )
        )
        for task_id, map_index, text in records:
            left.setdefault((task_id, map_index), {})[STORE_KEY] = text
        for keys, names in (
            (_KEYS, {task.task_id for task in begun}),
            ((_RESULT,), {task.task_id for task in begun if task.state in State.finished}),
        ):
            for row in _rows(session, self.dag_id, self.run_id, keys, names) if names else ():
                left.setdefault((row.task_id, row.map_index), {})[row.key] = XComModel.deserialize_value(row)
        return left


def _rows(session: Any, dag_id: str, run_id: str | None, keys: Iterable[str], task_ids: Iterable[str]) -> Iterable[Any]:
    found: Iterable[Any] = session.scalars(
        select(XComModel).where(
            XComModel.dag_id == dag_id,
            XComModel.run_id == run_id,
            XComModel.key.in_(keys),
            XComModel.task_id.in_(task_ids),
        )
    )
    return found


def _state_of(task: Any) -> str:
    state = "scheduled" if task.state is None else str(getattr(task.state, "value", task.state))
    return RUNNING if state in _UNDER_WAY and task.start_date is not None else state


def _change_of(task: Any, left: Mapping[_Task, Mapping[str, Any]]) -> StepChanged:
    found = left.get((task.task_id, task.map_index), {})
    state, note = _state_of(task), EndNote.from_json(found.get(END_KEY))
    return StepChanged(
        task_id=task.task_id,
        map_index=task.map_index,
        state=state,
        try_number=task.try_number,
        started=_seconds(task.start_date),
        ended=_seconds(task.end_date) if state != RUNNING else None,
        job=_job_in(found),
        console_url=found.get(_CONSOLE) or None,
        produced=produced(found.get(_RESULT)) if state == "success" else "",
        reason=note.headline if note is not None and state != "success" else "",
    )


def _left_of(key: _Task, found: Mapping[str, Any]) -> StepLeft:
    job, note = found.get(JOB_KEY), found.get(END_KEY)
    return StepLeft(
        *key,
        job=dict(job) if isinstance(job, Mapping) else None,
        result=found.get(_RESULT),
        note=dict(note) if isinstance(note, Mapping) else None,
        record=_record_in(found),
    )


def _record_in(found: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        record = json.loads(found[STORE_KEY]) if STORE_KEY in found else None
    except (TypeError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _job_in(found: Mapping[str, Any]) -> str | None:
    """The name of the job: what the step has let others read, else by its record."""
    job = found.get(JOB_KEY)
    name = job.get("job_name") if isinstance(job, Mapping) else None
    if not name and STORE_KEY in found:
        try:
            name = StepRecord.from_json(json.loads(found[STORE_KEY])).job_name
        except (TypeError, ValueError):
            return None
    return str(name).rsplit(":", 1)[-1] if name else None


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()
