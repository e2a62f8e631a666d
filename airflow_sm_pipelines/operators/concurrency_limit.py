"""The concurrency limit of a loop: no more children of a ForEach step run at once than its MaxConcurrency.

The scheduler keeps a limit that is a number in the definition (``max_active_tis_per_dagrun``, which counts deferred
children too). It does not know one that is an expression, and lets others start while a child waits for its next try,
whose job may still run. So an iteration starts once fewer than MaxConcurrency lower-indexed ones are unfinished. The
first unfinished ones always run, and no two children have to agree on anything.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRescheduleException

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.iteration import Iteration

log = logging.getLogger(__name__)

# Airflow's scheduler takes a task for dead that is queued again before it has heard that its last process has ended.
LEAST_PAUSE_SECONDS = 10.0
ENDED = frozenset({"success", "failed", "upstream_failed", "skipped", "removed"})


def wait_for_capacity(context: Context, iteration: Iteration, pause: float) -> None:
    """Give the worker back for ``pause`` seconds, or ten if these are more, when it is not yet this child's turn.

    :raises AirflowRescheduleException: when it is not
    """
    limit = iteration.limit
    if limit is None or iteration.index < limit:
        return
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[ti.task_id], run_ids=[ti.run_id])
    before = unfinished_before(iteration.index, ti.task_id, states.get(ti.run_id, {}))
    if before >= limit:
        log.info("%d children before this one have not ended, and %d may run at once: it waits", before, limit)
        raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=max(pause, LEAST_PAUSE_SECONDS)))


def unfinished_before(index: int, task_id: str, states: Mapping[str, str | None]) -> int:
    """How many children of a lower index have not ended. Airflow lists each as ``<task id>_<map index>``."""
    return sum(states.get(f"{task_id}_{other}") not in ENDED for other in range(index))
