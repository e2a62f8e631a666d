"""The runs of Airflow as executions, by Airflow's own models. It runs in the API server, which has the database.

What changes a run is what Airflow's own routes do for its web UI: a run that is stopped here is one that a user has
marked as failed there, and one that is retried is one whose tasks a user has cleared.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, cast

from airflow.api_fastapi.core_api.datamodels.dag_run import DagRunMutableStates

# The route that marks a run in the web UI is made of it: it calls listeners too, which free pools.
from airflow.api_fastapi.core_api.services.public.dag_run import patch_dag_run_state
from airflow.exceptions import ParamValidationError
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from airflow.models.dagrun import DagRun
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_sm_pipelines.api.airflow_tasks import plain, records_of, tasks_of
from airflow_sm_pipelines.api.execution_ids import ExecutionIds, id_of, runs_by_id
from airflow_sm_pipelines.api.runs import (
    Change,
    NewRun,
    NotParsedError,
    PausedError,
    RefusedError,
    Run,
    RunFilter,
    Task,
)
from airflow_sm_pipelines.api.statuses import is_stopping
from airflow_sm_pipelines.definition_file import VERSION_KEY
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.server.run_pools import RunPools
from airflow_sm_pipelines.wire.errors import ApiError

log = logging.getLogger(__name__)

MAX_NOTE_LENGTH = 1000
UNFINISHED = (DagRunState.QUEUED, DagRunState.RUNNING)


class AirflowRuns:
    """The runs in Airflow's database. Each call is one transaction.

    :param own_file: the bundle and the dags file of the Dags that are pipelines of the API
    :param stopping_seconds: how long a run that was stopped is looked at for jobs that may not have ended
    """

    def __init__(self, own_file: tuple[str | None, str], stopping_seconds: float) -> None:
        self._own_file = own_file
        self._stopping_seconds = stopping_seconds
        self._dags = DBDagBag()
        self._ids = ExecutionIds()

    # Reading ------------------------------------------------------------------------------------------------

    def taken_by(self, dag_id: str) -> str | None:
        with _session() as session:
            model = session.get(DagModel, dag_id)
            if model is None or model.is_stale or (model.bundle_name, model.relative_fileloc) == self._own_file:
                return None
            return f"{model.relative_fileloc} in the bundle {model.bundle_name}"

    def find(self, dag_id: str, execution_id: str) -> Run | None:
        with _session() as session:
            run_id = self._ids.find_run(dag_id, execution_id, session)
            if run_id is None:
                return None
            return self._run(dag_id, run_id, session)

    def started(self, dag_id: str, run_id: str) -> Run | None:
        with _session() as session:
            return self._run(dag_id, run_id, session)

    def page(self, dag_id: str, which: RunFilter) -> list[Run]:
        with _session() as session:
            query = select(DagRun).where(DagRun.dag_id == dag_id)
            if which.created_after is not None:
                query = query.where(DagRun.run_after > which.created_after)
            if which.created_before is not None:
                query = query.where(DagRun.run_after < which.created_before)
            if which.order_by == "execution_id":
                ids = runs_by_id(dag_id, query, which, session)
                rows = {run.run_id: run for run in session.scalars(query.where(DagRun.run_id.in_(ids)))}
                return self._runs([rows[run_id] for run_id in ids if run_id in rows], session)
            if which.after is not None:
                query = query.where(DagRun.id < which.after if which.descending else DagRun.id > which.after)
            query = query.order_by(DagRun.id.desc() if which.descending else DagRun.id.asc())
            return self._runs(list(session.scalars(query.limit(which.limit))), session)

    def tasks(self, run: Run) -> list[Task]:
        with _session() as session:
            return tasks_of(run, session)

    def latest(self, dag_ids: Sequence[str]) -> dict[str, datetime]:
        if not dag_ids:
            return {}
        query = select(DagRun.dag_id, func.max(DagRun.run_after)).where(DagRun.dag_id.in_(dag_ids))
        with _session() as session:
            return {dag_id: _utc(when) for dag_id, when in session.execute(query.group_by(DagRun.dag_id))}

    def latest_of_versions(self, dag_id: str, numbers: Collection[int]) -> dict[int, str]:
        # A conf cannot be asked in every database for what is in it: newest first, until all are found.
        query = select(DagRun.run_id, DagRun.conf).where(DagRun.dag_id == dag_id).order_by(DagRun.id.desc())
        wanted, found = set(numbers), dict[int, str]()
        with _session() as session:
            rows = iter(session.execute(query.execution_options(yield_per=100)))
            while wanted and (row := next(rows, None)) is not None:
                number = GivenExecution.in_conf(row.conf).pipeline_version_id
                if number in wanted:
                    wanted.remove(number)
                    found[number] = id_of(dag_id, row.run_id)
        return found

    def has_unfinished(self, dag_id: str) -> bool:
        query = select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.state.in_(UNFINISHED)).limit(1)
        with _session() as session:
            return session.scalar(query) is not None

    # Changing -----------------------------------------------------------------------------------------------

    def start(self, new: NewRun) -> tuple[Run, bool]:
        try:
            with _session() as session:
                dag = self._startable(new, session)
                try:
                    made = dag.create_dagrun(
                        run_id=new.run_id,
                        logical_date=None,
                        run_after=datetime.now(UTC),
                        conf=dict(new.conf),
                        run_type=DagRunType.MANUAL,
                        triggered_by=DagRunTriggeredByType.REST_API,
                        triggering_user_name=new.user,
                        state=DagRunState.QUEUED,
                        session=session,
                    )
                except (ParamValidationError, ValueError) as error:
                    raise RefusedError(str(error)) from None
                if new.note is not None:
                    made.note = (new.note[:MAX_NOTE_LENGTH], new.user)
                session.flush()
                return self._runs([made], session)[0], True
        except IntegrityError:
            # The same call at the same time has made it.
            found = self.started(new.dag_id, new.run_id)
            if found is None:
                raise
            return found, False

    def stop(self, run: Run, change: Change) -> None:
        def mark(row: DagRun, _: GivenExecution, session: Session) -> None:
            if row.state in UNFINISHED:
                dag = self._dag_of(row, session)
                patch_dag_run_state(dag=dag, dag_run=row, state=DagRunMutableStates.FAILED, session=session)

        self._keep(run, change, mark)

    def retry(self, run: Run, change: Change, tasks: Sequence[tuple[str, int]]) -> None:
        def clear(row: DagRun, _: GivenExecution, session: Session) -> None:
            dag = self._dag_of(row, session)
            if tasks:
                # An unmapped task has no index of its own.
                chosen: list[str | tuple[str, int]] = [name if at < 0 else (name, at) for name, at in tasks]
                dag.clear(task_ids=chosen, run_id=row.run_id, session=session)
            else:
                # All tasks have succeeded, and somebody has marked the run: the scheduler looks at it once more.
                patch_dag_run_state(dag=dag, dag_run=row, state=DagRunMutableStates.QUEUED, session=session)

        self._keep(run, change, clear)

    def change(self, run: Run, change: Change) -> None:
        def follow(row: DagRun, older: GivenExecution, session: Session) -> None:
            given = GivenExecution.in_conf(row.conf)
            if given.pipeline_execution_description != older.pipeline_execution_description:
                row.note = ((given.pipeline_execution_description or "")[:MAX_NOTE_LENGTH], run.user)
                session.flush()
            if given.limit != older.limit and row.state == DagRunState.RUNNING:
                RunPools(session, row, self._dag_of(row, session), Place(run.dag_id)).start()

        self._keep(run, change, follow)

    # ----------------------------------------------------------------------------------------------------------

    def _latest(self, dag_id: str, session: Session) -> Any:
        dag = self._dags.get_latest_version_of_dag(dag_id, session=session)
        if dag is None:
            raise NotParsedError(f"Pipeline {dag_id!r} is being created: Airflow has not made its Dag yet.")
        return dag

    def _startable(self, new: NewRun, session: Session) -> Any:
        """The Dag of a new run, which the dag-processor does not replace before the run is there: it locks that row."""
        model = session.get(DagModel, new.dag_id, with_for_update={"of": DagModel, "key_share": True})
        if model is None or model.is_stale:
            raise NotParsedError(f"Pipeline {new.dag_id!r} is being created: Airflow has not made its Dag yet.")
        dag = self._latest(new.dag_id, session)
        if dag.default_args.get(VERSION_KEY) != new.version:
            raise NotParsedError(
                f"Pipeline {new.dag_id!r} is being updated: Airflow has not read version {new.version} yet."
            )
        if model.is_paused:
            raise PausedError
        return dag

    def _dag_of(self, row: DagRun, session: Session) -> Any:
        dag = self._dags.get_dag_for_run(row, session=session)
        return self._latest(row.dag_id, session) if dag is None else dag

    def _keep(self, run: Run, change: Change, then: Callable[[DagRun, GivenExecution, Session], None]) -> None:
        """Change the conf of a run while its row is locked, and do what follows; ``then`` gets the older conf too.

        :raises ApiError: ResourceNotFound, and what ``change`` raises
        """
        with _session() as session:
            query = select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id)
            row = session.scalar(query.with_for_update(of=DagRun))
            if row is None:
                raise ApiError("ResourceNotFound", f"The run {run.run_id!r} of the Dag {run.dag_id!r} is gone.")
            now = self._runs([row], session)[0]
            given = change(now)
            if given is not None:
                row.conf = given.put_into(row.conf)
                session.flush()
                then(row, now.given, session)

    def _run(self, dag_id: str, run_id: str, session: Session) -> Run | None:
        row = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return None if row is None else self._runs([row], session)[0]

    def _may_be_stopping(self, row: DagRun) -> bool:
        stopped_at = GivenExecution.in_conf(row.conf).stopped_at
        soon = stopped_at is not None and time.time() - stopped_at < self._stopping_seconds
        return soon and row.state == DagRunState.FAILED

    def _runs(self, rows: Sequence[DagRun], session: Session) -> list[Run]:
        """Runs with what their tasks say of their end: two queries for all of them."""
        if not rows:
            return []
        dag_id = rows[0].dag_id
        ended = [row.run_id for row in rows if row.state not in UNFINISHED]
        notes = _notes(dag_id, ended, session)
        stopped = [row.run_id for row in rows if self._may_be_stopping(row)]
        stopping = {run_id for run_id, _, _, record in records_of(dag_id, stopped, session) if is_stopping(record)}
        return [
            Run(
                dag_id=dag_id,
                run_id=row.run_id,
                execution_id=self._ids.remember(dag_id, row.run_id),
                number=row.id,
                state=str(getattr(row.state, "value", row.state)),
                created_at=_utc(row.run_after),
                changed_at=None if row.updated_at is None else _utc(row.updated_at),
                user=row.triggering_user_name,
                conf=cast("Mapping[str, Any]", row.conf) if isinstance(row.conf, dict) else {},
                notes=notes.get(row.run_id, {}),
                stopping=row.run_id in stopping,
            )
            for row in rows
        ]


@contextmanager
def _session() -> Iterator[Session]:
    with create_session(scoped=False) as session:
        yield session


def _notes(dag_id: str, run_ids: Sequence[str], session: Session) -> dict[str, dict[str, EndNote]]:
    if not run_ids:
        return {}
    query = select(XComModel.run_id, XComModel.task_id, XComModel.value).where(
        XComModel.dag_id == dag_id, XComModel.run_id.in_(run_ids), XComModel.key == END_KEY
    )
    found: dict[str, dict[str, EndNote]] = {}
    for run_id, task_id, value in session.execute(query.order_by(XComModel.timestamp)):
        if (note := EndNote.from_json(plain(value))) is not None:
            found.setdefault(run_id, {}).setdefault(task_id, note)
    return found


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
