"""The earlier runs of a Dag as a worker can see them: which of them has the results that a selective run needs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from airflow_sm_pipelines.expressions.scope import RESULT_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow.sdk import Context

FINISHED = frozenset({"success", "failed"})
SUCCESS = "success"
# Airflow's own run ids hold their run_after: manual__2026-01-31T10:00:00+00:00_Xy12.
_TIME_IN_RUN_ID = re.compile(r"[a-z_]+?__(\d{4}-\d\d-\d\dT[\d:.]+\+\d\d:\d\d)")


class RunDetails(Protocol):
    """What Airflow tells of a run."""

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
    """The runs of the Dag to which the task of a context belongs."""

    def __init__(self, context: Context) -> None:
        self._ti = context["ti"]
        self._started = context["dag_run"].start_date

    def exists(self, run_id: str) -> bool:
        """Whether the Dag has the run."""
        return self._ti.get_dr_count(self._ti.dag_id, run_ids=[run_id]) > 0

    def is_finished(self, run_id: str) -> bool:
        """Whether the run ended, in success or failure."""
        return _state(self._ti.get_dagrun_state(self._ti.dag_id, run_id)) in FINISHED

    def lacking(self, run_id: str, steps: Sequence[str]) -> list[str]:
        """Those of the steps that did not succeed in a run, or whose result is not there."""
        found = self._ti.get_task_states(self._ti.dag_id, task_ids=[*steps], run_ids=[run_id]).get(run_id, {})
        return [
            step
            for step in steps
            if _state(found.get(step)) != SUCCESS
            or self._ti.xcom_pull(task_ids=step, run_id=run_id, key=RESULT_KEY) is None
        ]

    def latest_with(self, steps: Sequence[str]) -> str | None:
        """The latest run that had ended when this one started and in which all of the steps succeeded, or None.

        One request reads the state of one step in all runs; then runs are looked at one after the other, the one with
        the latest ``run_after`` first. Only of runs whose id does not tell it is each asked for its own. What ends
        while this run is under way does not count, so all tasks of this run find the same one.
        """
        states = self._ti.get_task_states(self._ti.dag_id, task_ids=[steps[0]])
        candidates = [
            run_id
            for run_id, found in states.items()
            if run_id != self._ti.run_id and _state(found.get(steps[0])) == SUCCESS
        ]
        for run_id in self._latest_first(candidates):
            details = self._details(run_id)
            if _state(details.state) in FINISHED and self._had_ended(details) and not self.lacking(run_id, steps):
                return run_id
        return None

    def _latest_first(self, run_ids: Iterable[str]) -> list[str]:
        times = {run_id: _time_in(run_id) or self._details(run_id).run_after for run_id in run_ids}
        return sorted(times, key=lambda run_id: (times[run_id], run_id), reverse=True)

    def _had_ended(self, details: RunDetails) -> bool:
        return self._started is None or details.end_date is None or details.end_date <= self._started

    def _details(self, run_id: str) -> RunDetails:
        # The SDK wraps every question to Airflow that is asked here but this one: when a run began and ended.
        from airflow.sdk.execution_time.comms import DagRunResult, GetDagRun
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        answer = SUPERVISOR_COMMS.send(GetDagRun(dag_id=self._ti.dag_id, run_id=run_id))
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
