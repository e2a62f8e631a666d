"""Stopping a step's job: when the task is killed, its time is over, or the step fails for another reason."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.runtime.job import is_ended, operation
from airflow_sm_pipelines.runtime.record import Phase
from airflow_sm_pipelines.runtime.unowned import reach_of, stop_unowned
from airflow_sm_pipelines.steps.killed import is_without_heir
from airflow_sm_pipelines.steps.placed import PlacedStepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.catalog.kind import JobKind
    from airflow_sm_pipelines.runtime.record import StepRecord


class StoppableJobOperator(PlacedStepOperator):
    """The part of a job's step that stops the job. ``_job_in_flight`` is the name of the one that may be running."""

    kind: JobKind

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._job_in_flight: str | None = None
        self._was_killed = False
        self._context: Context | None = None

    @override
    def abandon(self) -> None:
        self._job_in_flight = self.record.job_name
        self._stop_job()

    @override
    def save(self, context: Context, **changes: Any) -> None:
        phase = changes.get("phase", self.record.phase)
        reached = phase is Phase.INTENDED and self.record.job_name
        job = reach_of(self.kind, self.access, self.record.job_name) if reached else {}
        super().save(context, **{"job": job, **changes})

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        if not left.job:
            return
        try:
            stop_unowned(left.job)
        except (ClientError, BotoCoreError) as error:
            self.log.error("The %s %s could not be stopped and may go on: %s", self.kind.noun, left.job_name, error)

    def on_kill(self) -> None:
        """Stop the job when the task is killed or its time is over, but not when a later try goes on with it."""
        timed_out = isinstance(sys.exception(), AirflowTaskTimeout)
        if not timed_out and self._context is not None and not is_without_heir(self._context):
            self.log.info("The task is not over: the %s goes on, and the next try waits for it", self.kind.noun)
            return
        self._was_killed = True
        self._stop_job()

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
