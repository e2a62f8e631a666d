"""The state of a task on Airflow's server, as a worker or a trigger may ask for it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_sm_pipelines.jobs.kill_verdict import GONE, UNKNOWN

log = logging.getLogger(__name__)


class TaskKey(Protocol):
    """Which task is meant."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int | None


def task_state(ti: TaskKey) -> str | None:
    """The task's state now: ``removed`` where the server knows no such task, None before a try of it is scheduled.

    It blocks, and may be asked only in a task's process or, in a thread, in a triggerer's.
    """
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    # The children of a ForEach step share a task id, and Airflow lists each with its map index.
    is_child = ti.map_index is not None and ti.map_index >= 0
    listed_as = f"{ti.task_id}_{ti.map_index}" if is_child else ti.task_id
    states: dict[str, Any] = RuntimeTaskInstance.get_task_states(
        dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id]
    )
    state: str | None = states.get(ti.run_id, {}).get(listed_as, GONE)
    return state


async def state_at_kill(ti: TaskKey | None) -> str | None:
    """The state of the task whose trigger Airflow kills, ``unknown`` where Airflow does not say it."""
    # `airflow dags test` gives a trigger no task.
    if ti is None:
        return UNKNOWN
    try:
        return await asyncio.to_thread(task_state, ti)
    except AirflowRuntimeError as error:
        log.warning("Airflow does not say in which state the task is: %s", error)
        return UNKNOWN
