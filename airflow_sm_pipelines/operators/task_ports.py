"""What Airflow gives a task, as the life of a step works with it: its store, its XCom, and which try it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_sm_pipelines.jobs.step_run import TaskTry
from airflow_sm_pipelines.pace.asking import PATH, TaskRef
from airflow_sm_pipelines.pace.client import HttpPermits, SilentDoors
from airflow_sm_pipelines.pace.http import configured_door_url, post

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.step_types.adapter import Log

SILENT_DOORS = SilentDoors()
DIGEST_RETENTION = timedelta(days=7)
"""How long the digest of a task's secret is kept: only a process that still runs has any use for it."""


class AirflowTaskStore:
    """Airflow's ``task_state_store`` of a task; what is kept in it does not expire, unless a ``retention`` is given."""

    def __init__(self, context: Context, retention: timedelta = NEVER_EXPIRE) -> None:
        self._store: Any = context["task_state_store"]
        self._retention = retention

    def get(self, key: str) -> Any:
        return self._store.get(key)

    def set(self, key: str, value: Any) -> None:
        self._store.set(key, value, retention=self._retention)


class XComOutput:
    """The XCom of a task."""

    def __init__(self, context: Context) -> None:
        self._ti = context["ti"]

    def push(self, key: str, value: Any) -> None:
        self._ti.xcom_push(key=key, value=value)


def task_try(context: Context) -> TaskTry:
    """Which try of which task a context is of."""
    ti = context["ti"]
    map_index = -1 if ti.map_index is None else ti.map_index
    return TaskTry(ti.dag_id, ti.run_id, ti.task_id, map_index, ti.try_number, ti.max_tries)


def permits_of(context: Context, log: Log, *, may_defer: bool) -> HttpPermits:
    """Where a task asks for permits: the API server is called when it first does."""
    this = task_try(context)
    task = TaskRef(this.dag_id, this.run_id, this.task_id, this.map_index)
    store = AirflowTaskStore(context, DIGEST_RETENTION)
    return HttpPermits(configured_door_url(PATH), task, store, log, post, SILENT_DOORS, may_defer=may_defer)
