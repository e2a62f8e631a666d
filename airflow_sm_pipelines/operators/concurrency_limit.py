"""The concurrency limit of a loop: no more steps of a ForEach step's body run at once, over all items, than its
MaxConcurrency (semantics 2.17).

The scheduler keeps the limit for one task (``max_active_tis_per_dagrun``, which counts deferred children too). It knows
none over several tasks, and lets others start while a child waits for its next try, whose job may still run. So each
child looks for itself, by a rule that needs no two children to agree on anything:

- The steps of an item stand in lanes, chains of which one step runs at a time (:attr:`Body.lanes`). The lanes of all
  items have an order, item by item. A child starts once fewer than MaxConcurrency lanes before its own are unfinished.
  These only become fewer, so what runs is never more; and the lanes of the first unfinished item always run.
- Where an item has more lanes than MaxConcurrency, its lanes might wait for each other for ever. Then each child is
  a lane of its own, in the order in which the body can run.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_sm_pipelines.jobs.deferral import SETTLED_SECONDS
from airflow_sm_pipelines.jobs.kill_verdict import ENDED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.iteration import Iteration
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.graph.bodies import Body

log = logging.getLogger(__name__)

# Who is far from its turn looks less often: of a thousand children, all but a few would wake for nothing.
MAX_PAUSES = 20


def wait_for_capacity(context: Context, pipeline: PipelineContext, iteration: Iteration, pause: float) -> None:
    """Give the worker back for ``pause`` seconds, or :data:`SETTLED_SECONDS` if these are more, when it is not yet this
    child's turn; for a multiple of that when its turn is far.

    :raises AirflowRescheduleException: when it is not
    """
    body = pipeline.graph.bodies[iteration.loop]
    limit = body.limit
    if iteration.index * len(body.steps) + [step.name for step in body.steps].index(iteration.body) < limit:
        return
    ti = context["ti"]
    tasks = {step.name: pipeline.body_task(iteration.loop, step.name) for step in body.steps}
    listed = ti.get_task_states(dag_id=ti.dag_id, task_ids=[*tasks.values()], run_ids=[ti.run_id]).get(ti.run_id, {})
    before = unfinished_before(iteration, body, tasks, listed)
    if before >= limit:
        log.info("%d before this one have not ended, and %d may run at once: it waits", before, limit)
        pauses = min(1 + (before - limit) // limit, MAX_PAUSES)
        raise AirflowRescheduleException(datetime.now(UTC) + timedelta(seconds=pauses * max(pause, SETTLED_SECONDS)))


def unfinished_before(
    iteration: Iteration, body: Body, tasks: Mapping[str, str], states: Mapping[str, str | None]
) -> int:
    """How many lanes before that of a child have not ended. Airflow lists a child as ``<task id>_<map index>``."""
    lanes = body.lanes if len(body.lanes) <= body.limit else tuple((step.name,) for step in body.steps)
    own = next(position for position, lane in enumerate(lanes) if iteration.body in lane)

    def is_unfinished(lane: tuple[str, ...], index: int) -> bool:
        return any(states.get(f"{tasks[name]}_{index}") not in ENDED for name in lane)

    earlier_items = sum(is_unfinished(lane, index) for index in range(iteration.index) for lane in lanes)
    return earlier_items + sum(is_unfinished(lane, iteration.index) for lane in lanes[:own])
