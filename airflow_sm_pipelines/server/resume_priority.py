"""A step whose job has ended comes before all that are still to start, wherever slots are short.

Airflow gives back the slot of a task that comes back from its trigger, and then orders it among all others by its
weight, which is as old as the run. So a heavier step that became ready meanwhile takes the slot, and the end of the
job is seen one whole job later. No hook lets a weight be set at that moment: a PriorityWeightStrategy is asked only
when the task is made or cleared, and listeners hear of workers' tasks. What there is, is SQLAlchemy's own event: the
triggerer sets the state of the task, in its main process. Were that to change, the order would be that of the weights
(:func:`airflow_sm_pipelines.pools.priority_weights`), and nothing else would.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_sm_pipelines.pools import PIPELINE_PREFIX, RUN_PREFIX
from airflow_sm_pipelines.server.starting import hear, is_component

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

log = logging.getLogger(__name__)

PACKAGE = __name__.partition(".")[0]
# Above the weights that anybody gives a task, and below what the column holds for 50 years from 2026 on.
BOOST = 500_000_000
BOOST_EPOCH = 1_767_225_600
MAX_PRIORITY = 2**31 - 1


@hookimpl
def on_starting(component: Any) -> None:
    if not is_component(component):
        return
    try:
        attend()
    except Exception:
        log.exception("Steps whose jobs have ended get their slots in the order of their weights only")


def attend() -> None:
    """Hear, in this process, of every task that comes back from its trigger."""
    from airflow.models.taskinstance import TaskInstance

    hear(TaskInstance.state, _on_state)


def _on_state(task_instance: TaskInstance, state: Any, *_: Any) -> None:
    # A state is a text in some places, and a member of an enumeration in others, which is a text too.
    if state != "scheduled" or task_instance.next_method is None:
        return
    try:
        if _is_limited(task_instance):
            # The later it came back, the heavier: so it also comes before what came back once, failed, and waits for
            # its next try. A clear gives the task its own weight again.
            weight = min(BOOST + int(time.time()) - BOOST_EPOCH, MAX_PRIORITY)
            task_instance.priority_weight = max(weight, task_instance.priority_weight or 0)
    except Exception:
        log.exception("%s waits for its slot with the weight that it had", task_instance)


def _is_limited(task_instance: TaskInstance) -> bool:
    """Whether a task is a step's that waits for one of few slots."""
    from airflow.models.pool import Pool

    pool = task_instance.pool
    if pool.startswith((PIPELINE_PREFIX, RUN_PREFIX)):
        return True
    # In the pool of everybody, everybody's order holds.
    return pool != Pool.DEFAULT_POOL_NAME and _trigger_of(task_instance).startswith(f"{PACKAGE}.")


def _trigger_of(task_instance: TaskInstance) -> str:
    """The class of the trigger that the task waited for, whose id it may just have lost."""
    from airflow.models.trigger import Trigger
    from sqlalchemy import inspect
    from sqlalchemy.orm import object_session

    session = object_session(task_instance)
    history: Any = inspect(task_instance).attrs.trigger_id.history
    known = [trigger_id for trigger_id in (*history.unchanged, *history.deleted) if trigger_id is not None]
    if session is None or not known:
        return ""
    with session.no_autoflush:
        trigger = session.get(Trigger, known[0])
    return "" if trigger is None else trigger.classpath
