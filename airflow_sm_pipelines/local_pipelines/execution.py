"""One execution: a run in processes of its own, and what its events have said so far."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.api.runs import Change, Run, Task
from airflow_sm_pipelines.expressions.end_note import EndNote
from airflow_sm_pipelines.jobs.record import StepRecord
from airflow_sm_pipelines.running.definition_run import DefinitionRun
from airflow_sm_pipelines.running.events import Event, RunEnded, StepChanged, StepLeft

log = logging.getLogger(__name__)

WHOLE_RUN = ""
"""What stands for a task in the notes of a run that was refused, which has no tasks."""

_STATES = {"success": "success"}
_Key = tuple[str, int]


class Begun(Struct, frozen=True, kw_only=True):
    """What an execution began with."""

    dag_id: str
    run_id: str
    execution_id: str
    number: int
    created_at: datetime
    user: str
    conf: Mapping[str, Any]


class Execution:
    """An execution. A thread of its own listens to the run; everything else may be called from any thread."""

    def __init__(self, begun: Begun, run: DefinitionRun) -> None:
        self._lock = threading.RLock()
        self._begun = begun
        self._run = run
        self._stopping = False
        self._changed_at = begun.created_at
        self._outcome: RunEnded | None = None
        self._changes: dict[_Key, StepChanged] = {}
        self._left: dict[_Key, StepLeft] = {}
        self._thread = threading.Thread(target=self._listen, name=f"run {begun.run_id}", daemon=True)

    def listen(self) -> None:
        """Begin to listen."""
        self._thread.start()

    @property
    def home(self) -> Path:
        return self._run.home

    @property
    def has_ended(self) -> bool:
        with self._lock:
            return self._outcome is not None

    def stop(self, change: Change | None = None) -> None:
        """Stop the run and its jobs where it is under way, and keep in its conf what ``change`` gives."""
        with self._lock:
            if change is not None and not self._keep(change):
                return
            if self._outcome is not None:
                return
            self._stopping = True
            self._changed_at = datetime.now(UTC)
        self._run.stop()

    def change(self, change: Change) -> None:
        """Keep in the conf what ``change`` gives."""
        with self._lock:
            if self._keep(change):
                self._changed_at = datetime.now(UTC)

    def wait(self) -> None:
        """Wait until the run's processes have ended."""
        self._thread.join()

    def run(self) -> Run:
        """The execution as the API sees it."""
        with self._lock:
            begun, outcome = self._begun, self._outcome
            state = "running" if outcome is None else _STATES.get(outcome.state, "failed")
            return Run(
                dag_id=begun.dag_id,
                run_id=begun.run_id,
                execution_id=begun.execution_id,
                number=begun.number,
                # A run that is being stopped has failed, as one that is marked so in Airflow has.
                state="failed" if self._stopping and outcome is None else state,
                created_at=begun.created_at,
                changed_at=self._changed_at,
                user=begun.user,
                conf=begun.conf,
                notes=self._notes(outcome),
                stopping=self._stopping and outcome is None,
            )

    def tasks(self) -> list[Task]:
        """The tasks that events have named."""
        with self._lock:
            return [self._task(change) for _, change in sorted(self._changes.items())]

    def _notes(self, outcome: RunEnded | None) -> dict[str, EndNote]:
        found: dict[str, EndNote] = {}
        for (task_id, _), left in self._left.items():
            if (note := EndNote.from_json(left.note)) is not None:
                found.setdefault(task_id, note)
        if outcome is not None and outcome.state in ("failed", "refused") and not found and outcome.reasons:
            reason = " ".join(outcome.reasons)
            found[WHOLE_RUN] = EndNote("Failed", reason, headline=reason)
        return found

    def _task(self, change: StepChanged) -> Task:
        left = self._left.get((change.task_id, change.map_index), StepLeft(change.task_id, change.map_index))
        return Task(
            task_id=change.task_id,
            map_index=change.map_index,
            state=change.state,
            started_at=_time(change.started),
            ended_at=_time(change.ended),
            job=left.job,
            result=left.result,
            note=EndNote.from_json(left.note),
            record=_record(left),
        )

    def _keep(self, change: Change) -> bool:
        """Whether there is anything to be kept. Called under the lock."""
        given = change(self.run())
        if given is not None:
            self._begun = replace(self._begun, conf=given.put_into(self._begun.conf))
        return given is not None

    def _listen(self) -> None:
        outcome = RunEnded("failed", ("The run's events could not be read: see the log of the endpoint.",))
        try:
            with self._run:
                for event in self._run.events():
                    if isinstance(event, RunEnded):
                        outcome = event
                    else:
                        self._take(event)
        except Exception:
            log.exception("The events of the run %s", self._begun.run_id)
        finally:
            # Only now, when its processes are gone: its home may be copied.
            with self._lock:
                self._outcome, self._changed_at = outcome, datetime.now(UTC)

    def _take(self, event: Event) -> None:
        with self._lock:
            self._changed_at = datetime.now(UTC)
            if isinstance(event, StepChanged):
                self._changes[event.task_id, event.map_index] = event
            elif isinstance(event, StepLeft):
                self._left[event.task_id, event.map_index] = event


def _record(left: StepLeft) -> StepRecord | None:
    if left.record is None:
        return None
    try:
        return StepRecord.from_json(left.record)
    except TypeError:
        return None


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
