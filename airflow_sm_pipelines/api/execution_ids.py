"""Which run an execution is: its id is a digest of the run's id, so that it can only be looked for."""

from __future__ import annotations

import threading
from typing import Any

from airflow.models.dagrun import DagRun
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_sm_pipelines.api.runs import RunFilter
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.place import Place

MAX_KNOWN = 10_000


def id_of(dag_id: str, run_id: str) -> str:
    """The execution id of a run."""
    return execution_id(Place(dag_id), run_id)


class ExecutionIds:
    """The runs of execution ids. What was found or given once is remembered, for all threads."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def remember(self, dag_id: str, run_id: str) -> str:
        """The execution id of a run, which need not be looked for any more."""
        found = id_of(dag_id, run_id)
        with self._lock:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[dag_id, found] = run_id
        return found

    def find_run(self, dag_id: str, wanted: str, session: Session) -> str | None:
        """The id of the run that an execution is, or None: newest first."""
        if (known := self._known.get((dag_id, wanted))) is not None:
            return known
        query = select(DagRun.run_id).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc())
        for run_id in session.scalars(query.execution_options(yield_per=1000)):
            if id_of(dag_id, run_id) == wanted:
                self.remember(dag_id, run_id)
                return run_id
        return None


def runs_by_id(dag_id: str, query: Any, which: RunFilter, session: Session) -> list[str]:
    """A page of run ids in the order of their executions' ids, which the database does not have."""
    pairs = [(id_of(dag_id, run_id), run_id) for run_id in session.scalars(query.with_only_columns(DagRun.run_id))]
    pairs.sort(reverse=which.descending)
    if which.after is not None:
        after = str(which.after)
        pairs = [pair for pair in pairs if (pair[0] < after if which.descending else pair[0] > after)]
    return [run_id for _, run_id in pairs[: which.limit]]
