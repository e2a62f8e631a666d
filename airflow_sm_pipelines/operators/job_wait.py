"""Waiting for a step's job, in the trigger or in the worker, and what comes after it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.jobs.waiting import WaitBounds, WaitEnd, wait_for_job
from airflow_sm_pipelines.operators.openlineage import LineageOperator
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from airflow.sdk import Context


class WaitingJobOperator(LineageOperator):
    """The part of a job's step that waits for it, deferrable or not."""

    trigger_class: type[JobTrigger] = JobTrigger
    deferrable: bool

    def _wait(self, context: Context, client: Any, described: dict[str, Any] | None) -> Any:
        name = self.record.job_name
        self.show_links(context, client)
        if described is None and (self.kind.usually_done or self.kind.status_field is None):
            described = self._look(context, client)
        if described is not None and self.kind.state_of(described) is not JobState.RUNNING:
            return self._end(context, described)
        self._job_in_flight = name
        # Airflow raises in a task that runs for too long, once; a callback of the event loop may swallow that.
        deadline = None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()
        bounds = WaitBounds(deadline, self.settings.stopping_slack)
        if self.deferrable:
            self._defer(bounds)
        end, seen = asyncio.run(wait_for_job(self.access, self.kind, name, self._pace, bounds, self.log_tail()))
        self.renew_access()
        return self._after_waiting(context, self.access.client(self.kind.service), end, seen)

    def _defer(self, bounds: WaitBounds) -> NoReturn:
        self.defer(
            trigger=self.trigger_class(
                kind=self.kind.to_json(),
                job_name=self.record.job_name,
                access=self.access.to_json(),
                poll_interval=self._pace.interval,
                poll_interval_max=self._pace.longest,
                deadline=bounds.deadline,
                slack=bounds.slack,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() always raises")

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger.

        Without an event, no trigger fired: Airflow has resumed the next try of one that it took for dead just as that
        one deferred. That try finds the job.
        """
        if event is None:
            return self.run_step(context)
        client = self.access.client(self.kind.service)
        self.show_links(context, client)
        return self._after_waiting(context, client, WaitEnd(event["end"]), str(event["seen"]))

    def _after_waiting(self, context: Context, client: Any, end: WaitEnd, seen: str) -> Any:
        if self._was_killed:
            raise AirflowTaskTerminated(f"Step {self.task_id!r} was killed, and its {self.kind.noun} {self._fate}.")
        name = self.record.job_name
        self._job_in_flight = name
        if end is WaitEnd.TIMED_OUT:
            # Airflow calls on_kill for this exception, as for a time-out that it finds itself.
            raise AirflowTaskTimeout(
                self.with_console(
                    f"Step {self.task_id!r}: the {self.kind.noun} {name} {self._fate}, as the execution_timeout of"
                    f" {self.execution_timeout} is over."
                )
            )
        if end is WaitEnd.UNREADABLE:
            message = (
                f"Step {self.task_id!r} failed: the {self.kind.noun} {name} can no longer be looked at ({seen})."
                " It may still be running."
            )
            self.fail_attempt(context, StepFailure(self.with_places(message), outcome_unknown=True))
        if end is WaitEnd.OUTLIVED:
            self._fail_outlived(context, seen)
        described = self._look(context, client)
        if described is None:
            self.fail_attempt(
                context, StepFailure(f"Step {self.task_id!r} failed: the {self.kind.noun} {name} is gone.")
            )
        return self._end(context, described)
