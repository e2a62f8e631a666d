"""The pools of pipelines and runs that are gone.

A run's start and end look after the pools of its pipeline. Of a pipeline that was deleted, or has no limit any more and
no further run, nothing starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.pool import Pool
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, State
from sqlalchemy import delete, exists, or_, select

from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import (
    DESCRIPTION_MARK,
    PIPELINE_PREFIX,
    RUN_PREFIX,
    limits_in,
    may_be_pool_of,
    pipeline_pool,
    run_pool,
)
from airflow_sm_pipelines.server.run_pools import places_in

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session


OURS = Pool.description.startswith(DESCRIPTION_MARK, autoescape=True)


def remove_unneeded(session: Session) -> list[str]:
    """Remove the pools of ours that no run, no limited pipeline and no unfinished task needs; returns their names."""
    prefixes = or_(*(Pool.pool.startswith(prefix, autoescape=True) for prefix in (PIPELINE_PREFIX, RUN_PREFIX)))
    ours = {str(name) for name in session.scalars(select(Pool.pool).where(prefixes, OURS))}
    if not ours:
        return []
    known = _known(session, ours)
    unneeded = ours - _of_runs(session, known) - {pipeline_pool(place) for place, is_limited in known if is_limited}
    waiting = or_(TaskInstance.state.is_(None), TaskInstance.state.in_(State.unfinished - {None}))
    # Asked in the statement that deletes, for a run may start meanwhile.
    idle = ~exists().where(TaskInstance.pool == Pool.pool, waiting).correlate(Pool)
    return [name for name in sorted(unneeded) if _remove(session, name, idle)]


def _remove(session: Session, name: str, idle: ColumnElement[bool]) -> bool:
    statement = delete(Pool).where(Pool.pool == name, OURS, idle)
    done: Any = session.execute(statement, execution_options={"synchronize_session": False})
    return bool(done.rowcount)


def _of_runs(session: Session, known: Collection[tuple[Place, bool]]) -> set[str]:
    """Those that the runs of the pipelines have which go on."""
    going_on = select(DagRun.dag_id, DagRun.run_id).where(DagRun.state.in_((DagRunState.QUEUED, DagRunState.RUNNING)))
    groups: dict[str, list[Place]] = {}
    for place, _ in known:
        if place.group_id is not None:
            groups.setdefault(place.dag_id, []).append(place)
    return {
        run_pool(place, run_id)
        for dag_id, run_id in session.execute(going_on)
        for place in (Place(dag_id), *groups.get(dag_id, ()))
    }


def _known(session: Session, names: Collection[str]) -> list[tuple[Place, bool]]:
    """The pipelines of Dags that have not been removed, and whose pools may be among those of the names; whether each
    has a limit.
    """
    dag_ids = session.scalars(select(DagModel.dag_id).where(DagModel.is_stale.is_(False)))
    mine = [dag_id for dag_id in dag_ids if any(may_be_pool_of(dag_id, name) for name in names)]
    dags = DBDagBag()
    found = {dag_id: dags.get_latest_version_of_dag(dag_id, session=session) for dag_id in mine}
    return [
        (place, place in limits_in(dag_id, dag.default_args))
        for dag_id, dag in found.items()
        if dag is not None
        for place in places_in(dag)
    ]
