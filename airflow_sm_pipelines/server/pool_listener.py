"""A run of a limited pipeline gets its pool when it starts and gives it back when it ends."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl
from sqlalchemy.orm import object_session

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)


@hookimpl
def on_dag_run_running(dag_run: DagRun) -> None:
    """Called by the scheduler, in the transaction in which the run starts."""
    _settle(dag_run)


@hookimpl
def on_dag_run_success(dag_run: DagRun) -> None:
    """Called by the scheduler, and by the API server when a user marks the run."""
    _settle(dag_run, ended=True)


@hookimpl
def on_dag_run_failed(dag_run: DagRun) -> None:
    """Called by the scheduler, and by the API server when a user marks the run."""
    _settle(dag_run, ended=True)


def _settle(dag_run: DagRun, *, ended: bool = False) -> None:
    """Make or remove what the run needs; what goes wrong leaves the caller's transaction as it was."""
    try:
        session = object_session(dag_run)
        if session is None or dag_run.dag is None:
            return
        from airflow_sm_pipelines.server.run_pools import RunPools, forget_what_is_known, places_in

        pipelines = [RunPools(session, dag_run, dag_run.dag, place) for place in places_in(dag_run.dag)]
        if not pipelines:
            return
        session.flush()
        try:
            # PostgreSQL refuses all that follows an error in a transaction, so the scheduler's would be lost for all
            # Dags. The session's own savepoint will not do: Airflow takes its end for a commit, and refuses it.
            with session.connection().begin_nested():
                for pools in pipelines:
                    pools.end() if ended else pools.start()
        except Exception:
            forget_what_is_known(session)
            raise
    except Exception:
        log.exception("The pools of %s could not be settled", dag_run)
