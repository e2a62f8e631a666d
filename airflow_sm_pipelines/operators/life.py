"""Airflow's side of the life of what a step waits for: one try of it, its kill, and its end in Airflow's words."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Generic, TypeVar

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout

from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.step_lifecycle import StepLifecycle
from airflow_sm_pipelines.jobs.step_run import StepKilled, StepTimedOut
from airflow_sm_pipelines.operators.kill_notice import record_before_exit, state_in_time
from airflow_sm_pipelines.operators.step_try import StepTry

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

    from airflow_sm_pipelines.operators.links import ConsoleLinks
    from airflow_sm_pipelines.step_types.adapter import Log

T = TypeVar("T")
L = TypeVar("L", bound=StepLifecycle)


class LifeTry(StepTry, Generic[L]):
    """What one try of a step works with that waits for something. ``cache_source_run`` is the run whose result is
    reused.
    """

    def __init__(self, life: L, context: Context, links: ConsoleLinks) -> None:
        super().__init__(life.run)
        self.life = life
        self.context = context
        self.links = links
        self.cache_source_run: str | None = None


def kill(this_try: LifeTry[L], log: Log) -> None:
    """Stop what a killed task waits for, or whose time is over, but not when a later try goes on with it."""
    life, timed_out = this_try.life, isinstance(sys.exception(), AirflowTaskTimeout)
    state = None if timed_out else state_in_time(this_try.context)
    if on_kill_verdict(state, AskedBy.WORKER, life.awaited, timed_out=timed_out) is Verdict.STOP:
        life.kill(timed_out=timed_out)
        return
    log.info("The task is not over: the %s goes on, and the next try sees to it", life.awaited.value)
    record_before_exit(life.run.record_interruption)


def as_airflow_has_it(live: Callable[[], T]) -> T:
    """Live on, and end as Airflow expects it of a task that was killed or whose time is over."""
    try:
        return live()
    except StepKilled as killed:
        raise AirflowTaskTerminated(str(killed)) from None
    except StepTimedOut as late:
        # Airflow calls on_kill for this exception, as for a time-out that it finds itself.
        raise AirflowTaskTimeout(str(late)) from None
