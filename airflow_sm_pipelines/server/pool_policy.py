"""What joins a run that goes on (a step that is cleared, a mapped step's iterations) takes a slot of the run's pool.

Airflow gives such a task the pool that the Dag names, which is the pipeline's. This is a cluster policy: Airflow finds
it by the entry point ``airflow.policy`` and loads it in every process, early.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.policies import hookimpl

from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import PIPELINE_PREFIX, place_of, run_pool

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

log = logging.getLogger(__name__)

DEFAULT_POOL = "default_pool"


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:
    """Called for every task instance of every Dag as it is made, expanded or cleared."""
    if dag_run is None:
        return
    try:
        if task_instance.pool.startswith(PIPELINE_PREFIX):
            _join(task_instance, dag_run, place_of(dag_run.dag_id, task_instance.task_id, task_instance.pool))
        elif task_instance.pool == DEFAULT_POOL and dag_run.conf:
            _join_limited_run(task_instance, dag_run)
    except Exception:
        log.exception("The pool of %s could not be settled", task_instance)


def _join_limited_run(task_instance: TaskInstance, dag_run: DagRun) -> None:
    """Where the run itself was given a limit, its steps take its slots, though the Dag limits none."""
    from airflow_sm_pipelines.expressions.given_execution import GivenExecution
    from airflow_sm_pipelines.graph.tasks import BESIDE_STEPS

    if GivenExecution.in_conf(dag_run.conf).limit is not None and task_instance.task_id not in BESIDE_STEPS:
        _join(task_instance, dag_run, Place(dag_run.dag_id))


def _join(task_instance: TaskInstance, dag_run: DagRun, place: Place | None) -> None:
    from sqlalchemy.orm import object_session

    from airflow_sm_pipelines.server.run_pools import is_ours

    session = object_session(dag_run)
    if session is None or place is None:
        return
    own = run_pool(place, dag_run.run_id)
    # An error of the database in here must not end the caller's transaction (see pool_listener).
    with session.no_autoflush, session.connection().begin_nested():
        # A run that has not started has none, and neither has one whose pipeline's pool is a user's.
        if is_ours(session, own):
            task_instance.pool = own
