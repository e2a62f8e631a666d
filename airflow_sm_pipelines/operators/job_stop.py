"""Stopping a step's job: when the task is killed, its time is over, or the step fails for another reason."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.jobs.job import is_ended, operation
from airflow_sm_pipelines.jobs.orphans import reach_of, stop_unowned
from airflow_sm_pipelines.jobs.record import Phase
from airflow_sm_pipelines.operators.console_links import PlacedStepOperator
from airflow_sm_pipelines.operators.killed import is_without_heir
from airflow_sm_pipelines.operators.shutdown_notice import say_in_time

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.record import StepRecord
    from airflow_sm_pipelines.step_types.job_kind import JobKind


class StoppableJobOperator(PlacedStepOperator):
    """The part of a job's step that stops the job. ``_job_in_flight`` is the name of the one that may be running."""

    kind: JobKind

    _job_in_flight: str | None = None
    _was_killed = False
    _context: Context | None = None

    @override
    def _begin_try(self, context: Context) -> None:
        # The signal of a kill may come from here on, and is then to be understood.
        self._context = context
        super()._begin_try(context)
        self._job_in_flight = self.record.job_name or None

    @override
    def abandon(self) -> None:
        self._job_in_flight = self.record.job_name
        self._stop_job()

    @override
    def save(self, context: Context, **changes: Any) -> None:
        phase = changes.get("phase", self.record.phase)
        reached = phase is Phase.INTENDED and self.record.job_name
        super().save(context, **{"job": self.reach() if reached else {}, **changes})

    def reach(self) -> dict[str, Json]:
        """How the job is stopped without this step, nothing while AWS has not told what that takes."""
        return reach_of(self.kind, self.access, self.record.job_name)

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        if not left.job:
            return
        try:
            stop_unowned(left.job)
        except Exception as error:  # noqa: BLE001 # whatever another version stored keeps no new try from beginning
            self.log.error("The %s %s could not be stopped and may go on: %s", self.kind.noun, left.job_name, error)

    def on_kill(self) -> None:
        """Stop the job when the task is killed or its time is over, but not when a later try goes on with it."""
        context, timed_out = self._context, isinstance(sys.exception(), AirflowTaskTimeout)
        if context is None:
            # Nothing is begun or taken over yet. What an earlier try left is on record: the next one sees to it.
            return
        if not timed_out and not is_without_heir(context):
            self.log.info("The task is not over: the %s goes on, and the next try waits for it", self.kind.noun)
            say_in_time(lambda: self._say_shut_down(context))
            return
        self._was_killed = True
        self.renew_access()
        self._stop_job()

    def _say_shut_down(self, context: Context) -> None:
        """Put on record how this try ends, so that the next one does not take it for a worker's death."""
        if self._recorded_name and self.record.phase is Phase.INTENDED:
            self.save(context, open_try=None)

    def check_alive(self) -> None:
        """End a try that was killed before it came to wait for its job."""
        if self._was_killed:
            raise AirflowTaskTerminated(f"Step {self.task_id!r} was killed.")

    @property
    def _fate(self) -> str:
        return "goes on (AWS has no call that stops it)" if self.kind.stop is None else "is stopped"

    def _stop_job(self) -> None:
        name = self._job_in_flight
        if name is None:
            return
        if self.kind.stop is None:
            self.log.info("The %s %s %s", self.kind.noun, name, self._fate)
            return
        try:
            operation(self.access.client(self.kind.service), self.kind.stop)(**self.kind.stopped_by(name))
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and is_ended(error):
                self.log.info("The %s %s had ended already", self.kind.noun, name)
            else:
                self.log.error("The %s %s could not be stopped and may go on: %s", self.kind.noun, name, error)
        else:
            self.log.info("The %s %s was asked to stop", self.kind.noun, name)
