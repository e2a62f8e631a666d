"""The earlier runs of a Dag as a worker can see them: which of them has the results that a selective run needs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.graph.model import StepEnd
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from airflow.sdk import Context

FINISHED = frozenset({"success", "failed"})
SUCCESS = "success"
# By whether nothing but a success is asked for. A copied failure succeeds as a task.
STATES_OF = {True: frozenset({SUCCESS}), False: frozenset({SUCCESS, "failed"})}
# Airflow's own run ids hold their run_after: manual__2026-01-31T10:00:00+00:00_Xy12.
_TIME_IN_RUN_ID = re.compile(r"[a-z_]+?__(\d{4}-\d\d-\d\dT[\d:.]+\+\d\d:\d\d)")


class RunDetails(Protocol):
    """What Airflow knows of a run."""

    @property
    def run_after(self) -> datetime:
        """When the run could begin at the earliest."""

    @property
    def end_date(self) -> datetime | None:
        """When it ended."""

    @property
    def state(self) -> object:
        """Its state, an enumeration's member."""


class PastRuns:
    """The runs of the Dag to which the task of a context belongs.

    :param task_of: the task that has the result of a step
    :param dag_id: that of another Dag, whose runs they are
    """

    def __init__(self, context: Context, task_of: Callable[[str], str], dag_id: str | None = None) -> None:
        self._task_of = task_of
        self._ti = context["ti"]
        self._dag_id = dag_id or self._ti.dag_id
        self._started = context["dag_run"].start_date

    def exists(self, run_id: str) -> bool:
        """Whether the Dag has the run."""
        return self._ti.get_dr_count(self._ti.dag_id, run_ids=[run_id]) > 0

    def is_finished(self, run_id: str) -> bool:
        """Whether the run ended, in success or failure."""
        return _state(self._ti.get_dagrun_state(self._ti.dag_id, run_id)) in FINISHED

    def missing(self, run_id: str, steps: Mapping[str, frozenset[StepEnd]]) -> list[str]:
        """Those of the steps that have none of the ends that are asked of them in a run, or no result there."""
        if not steps:
            return []
        tasks = {step: self._task_of(step) for step in steps}
        states = self._ti.get_task_states(self._ti.dag_id, task_ids=[*tasks.values()], run_ids=[run_id])
        found = states.get(run_id, {})
        return [
            step for step, task in tasks.items() if not self._has(run_id, task, _state(found.get(task)), steps[step])
        ]

    def _has(self, run_id: str, task: str, state: str, ends: frozenset[StepEnd]) -> bool:
        if state not in STATES_OF[ends == SUCCEEDED]:
            return False
        # What failed is no success, though it was marked one, or copied as it was.
        note = EndNote.from_json(self._ti.xcom_pull(task_ids=task, run_id=run_id, key=END_KEY))
        end = note.state.end if note is not None else StepEnd.SUCCEEDED if state == SUCCESS else StepEnd.FAILED
        keys = (RESULT_KEY,) if end is StepEnd.SUCCEEDED else (RESULT_KEY, JOB_KEY)
        pulled = (self._ti.xcom_pull(task_ids=task, run_id=run_id, key=key) for key in keys)
        return end in ends and any(value is not None for value in pulled)

    def latest_with(self, steps: Mapping[str, frozenset[StepEnd]]) -> str | None:
        """The latest run that had ended when this one started and in which all of the steps have such an end, or None.

        One request reads the state of one step in all runs; then runs are looked at one after the other, the one with
        the latest ``run_after`` first. Only of runs whose id does not have it is each asked for its own. What ends
        while this run is under way does not count, so all tasks of this run find the same one.
        """
        name, ends = next(iter(steps.items()))
        first = self._task_of(name)
        states = self._ti.get_task_states(self._ti.dag_id, task_ids=[first])
        candidates = [
            run_id
            for run_id, found in states.items()
            if run_id != self._ti.run_id and _state(found.get(first)) in STATES_OF[ends == SUCCEEDED]
        ]
        for run_id in self._latest_first(candidates):
            details = self._details(run_id)
            if _state(details.state) in FINISHED and self._had_ended(details) and not self.missing(run_id, steps):
                return run_id
        return None

    def succeeded_until(self, until: datetime, task_id: str) -> Iterator[str]:
        """The runs in which a task has succeeded and whose ``run_after`` is not later, the latest first."""
        states = self._ti.get_task_states(self._dag_id, task_ids=[task_id])
        for run_id in self._latest_first(run for run, found in states.items() if _state(found.get(task_id)) == SUCCESS):
            if self._details(run_id).run_after <= until:
                yield run_id

    def _latest_first(self, run_ids: Iterable[str]) -> list[str]:
        times = {run_id: _time_in(run_id) or self._details(run_id).run_after for run_id in run_ids}
        return sorted(times, key=lambda run_id: (times[run_id], run_id), reverse=True)

    def _had_ended(self, details: RunDetails) -> bool:
        return self._started is None or details.end_date is None or details.end_date <= self._started

    def _details(self, run_id: str) -> RunDetails:
        # The SDK wraps every question to Airflow that is asked here but this one: when a run began and ended.
        from airflow.sdk.execution_time.comms import DagRunResult, GetDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        answer = SUPERVISOR_COMMS.send(GetDagRun(dag_id=self._dag_id, run_id=run_id))
        if not isinstance(answer, DagRunResult):
            raise TypeError(f"Airflow answered {answer!r} when asked for the run {run_id}")
        return answer


def _time_in(run_id: str) -> datetime | None:
    found = _TIME_IN_RUN_ID.match(run_id)
    try:
        return datetime.fromisoformat(found[1]).astimezone(UTC) if found is not None else None
    except ValueError:
        return None


def _state(state: object) -> str:
    """A state as text: Airflow gives some as text, and some as members of an enumeration."""
    return str(getattr(state, "value", state))
