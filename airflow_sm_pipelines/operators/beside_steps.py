"""What the tasks of a pipeline have in common that are no steps: the one before the steps, and the one after."""

from __future__ import annotations

from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import DAG, TaskGroup

    from airflow_sm_pipelines.settings import Settings

POOL = "default_pool"
RETRY_DELAY = timedelta(seconds=10)
NEUTRAL: Mapping[str, Any] = MappingProxyType({})


def beside_the_steps(
    dag: DAG, group: TaskGroup | None, settings: Settings, retry_delay: timedelta, neutral: Mapping[str, Any]
) -> dict[str, Any]:
    """The arguments that such a task has in a Dag, or in a task group of it.

    :param neutral: what is said of the task so that the default_args of a Dag of the user's do not
    """
    return {
        **neutral,
        "dag": dag,
        # The pipeline's limit, and the user's pool, are for its steps.
        "pool": POOL,
        "pool_slots": 1,
        "inlets": [],
        "outlets": [],
        # What it finds is final: only a try whose worker died is made again.
        "retries": settings.max_lost_tries,
        "retry_delay": retry_delay,
        **({} if group is None else {"task_group": group}),
    }
