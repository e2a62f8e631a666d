"""The pools of pipelines and runs that are gone.

A run's start and end look after the pools of its pipeline. Of a pipeline that was deleted, or has no limit any more and
no further run, nothing starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.dag import DagModel, DagTag
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State
from sqlalchemy import delete, exists, or_, select

from airflow_sm_pipelines.pools import (
    DESCRIPTION_MARK,
    LIMIT_KEY,
    PIPELINE_PREFIX,
    RUN_PREFIX,
    pipeline_pool,
    run_pool,
)
from airflow_sm_pipelines.server.run_pools import TAG

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


OURS = Pool.description.startswith(DESCRIPTION_MARK, autoescape=True)


def remove_unneeded(session: Session) -> list[str]:
    """Remove the pools of ours that no run, no limited pipeline and no unfinished task needs; returns their names."""
    prefixes = or_(*(Pool.pool.startswith(prefix, autoescape=True) for prefix in (PIPELINE_PREFIX, RUN_PREFIX)))
    ours = {str(name) for name in session.scalars(select(Pool.pool).where(prefixes, OURS))}
    if not ours:
        return []
    unneeded = ours - _of_runs(session) - _of_limited_pipelines(session, ours)
    waiting = or_(TaskInstance.state.is_(None), TaskInstance.state.in_(State.unfinished - {None}))
    # Asked in the statement that deletes, for a run may start meanwhile.
    idle = ~exists().where(TaskInstance.pool == Pool.pool, waiting).correlate(Pool)
    return [name for name in sorted(unneeded) if _remove(session, name, idle)]


def _remove(session: Session, name: str, idle: ColumnElement[bool]) -> bool:
    statement = delete(Pool).where(Pool.pool == name, OURS, idle)
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return bool(done.rowcount)


def _of_runs(session: Session) -> set[str]:
    going_on = select(DagRun.dag_id, DagRun.run_id).where(DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING)))
    return {run_pool(dag_id, run_id) for dag_id, run_id in session.execute(going_on)}


def _of_limited_pipelines(session: Session, names: set[str]) -> set[str]:
    """Those of the pools that Dags still name which have not been removed."""
    pipelines = (
        select(DagModel.dag_id)
        .join(DagTag, DagTag.dag_id == DagModel.dag_id)
        .where(DagTag.name == TAG, DagModel.is_stale.is_(False))
    )
    dag_ids = [dag_id for dag_id in session.scalars(pipelines) if pipeline_pool(dag_id) in names]
    dags = DBDagBag()
    known = {dag_id: dags.get_latest_version_of_dag(dag_id, session=session) for dag_id in dag_ids}
    return {
        pipeline_pool(dag_id)
        for dag_id, dag in known.items()
        if dag is not None and dag.default_args.get(LIMIT_KEY) is not None
    }
