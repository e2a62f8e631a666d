"""Executions as the API sees them: what it asks of Airflow's runs, and what they say. No Airflow in here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec import Struct

from airflow_sm_pipelines.expressions.end_note import EndNote
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.jobs.record import StepRecord


class Run(Struct, frozen=True, kw_only=True):
    """A run of a Dag. ``number`` grows with each run that is made; ``notes`` are those that its tasks have left, by
    task id. ``user`` is who started it, None where that was no user.
    """

    dag_id: str
    run_id: str
    execution_id: str
    number: int
    state: str
    created_at: datetime
    changed_at: datetime | None = None
    user: str | None = None
    conf: Mapping[str, Any] = {}
    notes: Mapping[str, EndNote] = {}
    stopping: bool = False

    @property
    def given(self) -> GivenExecution:
        """What the call that started it has given."""
        return GivenExecution.in_conf(self.conf)

    @property
    def has_ended(self) -> bool:
        return self.state in ("success", "failed")


class Task(Struct, frozen=True, kw_only=True):
    """A task of a run. ``job`` is its XCom ``sagemaker`` and ``result`` its return value, where it has left them;
    ``map_index`` is -1 where it is not mapped.
    """

    task_id: str
    map_index: int = -1
    state: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    job: Mapping[str, Any] | None = None
    result: Any = None
    note: EndNote | None = None
    record: StepRecord | None = None


class RunFilter(Struct, frozen=True, kw_only=True):
    """Which runs of a Dag, in which order. ``after`` is the number, or the execution's id, of the last one of the page
    before; ``order_by`` says which.
    """

    created_after: datetime | None = None
    created_before: datetime | None = None
    order_by: Literal["number", "execution_id"] = "number"
    descending: bool = True
    after: int | str | None = None
    limit: int = 100


class NewRun(Struct, frozen=True, kw_only=True):
    """A run that is to be made of this version of a pipeline. ``run_id`` is made of the ClientRequestToken, so that
    Airflow's database decides whether the call was made before.
    """

    dag_id: str
    run_id: str
    version: int
    conf: Mapping[str, Any]
    user: str
    note: str | None = None


Change = Callable[[Run], GivenExecution | None]
"""What is to be kept in the conf of a run as it is now, which nobody else changes meanwhile: None for nothing to be
done. It raises ApiError where the run is in no state for it."""


class NotParsedError(Exception):
    """The dag-processor has not made the Dag of this version yet."""


class PausedError(Exception):
    """Somebody has paused the Dag."""


class RefusedError(Exception):
    """Airflow refuses what is asked for; the message says why."""


class Runs(Protocol):
    """The runs of Dags. A dag id is the name of a pipeline."""

    def taken_by(self, dag_id: str) -> str | None:
        """The file that makes a Dag of that id, where it is none of the API's."""
        ...

    def start(self, new: NewRun) -> tuple[Run, bool]:
        """Make a run, or find the one of that id; and whether it was made.

        :raises NotParsedError: where the Dag is not there, or of another version
        :raises PausedError: where it is paused
        :raises RefusedError: where Airflow refuses its conf
        """
        ...

    def find(self, dag_id: str, execution_id: str) -> Run | None:
        """The run that an execution is."""
        ...

    def started(self, dag_id: str, run_id: str) -> Run | None:
        """The run that :meth:`start` has made for that id."""
        ...

    def page(self, dag_id: str, which: RunFilter) -> list[Run]:
        """Some runs."""
        ...

    def tasks(self, run: Run) -> list[Task]:
        """The tasks of a run, of mapped ones each child."""
        ...

    def latest(self, dag_ids: Sequence[str]) -> dict[str, datetime]:
        """When the last run of each Dag was made that has one."""
        ...

    def latest_of_versions(self, dag_id: str, numbers: Collection[int]) -> dict[int, str]:
        """The execution id of the last run of each of these versions, as far as runs have their version."""
        ...

    def has_unfinished(self, dag_id: str) -> bool:
        """Whether a run is under way."""
        ...

    def stop(self, run: Run, change: Change) -> None:
        """Stop a run and its jobs where it is under way, and keep what ``change`` gives."""
        ...

    def retry(self, run: Run, change: Change, tasks: Sequence[tuple[str, int]]) -> None:
        """Let tasks run again, by id and map index, and keep what ``change`` gives."""
        ...

    def change(self, run: Run, change: Change) -> None:
        """Keep what ``change`` gives, and let a new limit count at once."""
        ...
