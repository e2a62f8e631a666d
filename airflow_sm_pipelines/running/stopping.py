"""The end of a run that is stopped: its tasks fail, and what they have left running is stopped.

The process that ran them is dead by then, so that none begins anything while the others are stopped. It is the case of
everybody's death, for which the records are there (:mod:`airflow_sm_pipelines.server.orphan_sweep`).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.session import create_session
from airflow.utils.state import State
from sqlalchemy import or_, update

from airflow_sm_pipelines.server.orphan_rows import Orphan, find_orphans
from airflow_sm_pipelines.server.orphan_sweep import sweep

AT_ONCE = timedelta(0)
# A Create call that was on its way when its caller died has arrived after that.
ON_ITS_WAY_SECONDS = 2.0
INTERVAL_SECONDS = 1.0
MAX_SECONDS = 120.0


def fail_tasks(dag_id: str, run_id: str) -> None:
    """Let the run, and every task of it that has not ended, be failed."""
    now = datetime.now(UTC)
    with create_session(scoped=False) as session:
        session.execute(
            update(TaskInstance)
            .where(
                TaskInstance.dag_id == dag_id,
                TaskInstance.run_id == run_id,
                TaskInstance.start_date.is_not(None),
                or_(TaskInstance.state.is_(None), TaskInstance.state.not_in(State.finished)),
            )
            .values(state="failed", end_date=now)
        )
        session.execute(
            update(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id).values(state="failed", end_date=now)
        )


def under_way() -> tuple[str, ...]:
    """The jobs that may run on, by their names."""
    return _names(find_orphans(AT_ONCE))


def stop_jobs() -> tuple[str, ...]:
    """Stop what runs on, and wait until it has ended, though no longer than two minutes; what had not by then."""
    deadline = time.monotonic() + MAX_SECONDS
    time.sleep(ON_ITS_WAY_SECONDS)
    while found := find_orphans(AT_ONCE):
        if time.monotonic() > deadline:
            break
        sweep(AT_ONCE)
        if find_orphans(AT_ONCE):
            time.sleep(INTERVAL_SECONDS)
    return _names(found)


def _names(orphans: list[Orphan]) -> tuple[str, ...]:
    return tuple(orphan.record.job_name or orphan.task_id for orphan in orphans)
