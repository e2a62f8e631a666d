"""Stopping the job of one try: when the task is killed, its time is over, or the step fails for another reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import is_transient
from airflow_sm_pipelines.jobs.stop import StopLimits, StopOutcome, Stopped, log_stop, stop
from airflow_sm_pipelines.step_types.stop_target import MessageTarget, read_stop_target

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.record import StepRecord
    from airflow_sm_pipelines.step_types.stop_target import StopTarget

# How long a worker follows a stop that takes several calls.
STOP_SECONDS = 300.0
# How long a new try asks for the stop of what an earlier one has left, through errors that pass: nobody else does.
LEFT_BEHIND_SECONDS = 60.0


class JobStopper:
    """Stops what one try has begun, or has found. ``in_flight`` is the name of the job that may be running."""

    def __init__(self, run: StepJobRun) -> None:
        self._run = run
        self.in_flight: str | None = None

    @property
    def outcome(self) -> str:
        """What a stop comes to, for a message."""
        return StopOutcome.NO_CALL.value if self._run.kind.stop is None else "is stopped"

    def stop(self) -> None:
        """Stop the job, if one may be running; what cannot be stopped is logged."""
        name, noun, adapter = self.in_flight, self._run.kind.noun, self._run.adapter
        if name is None:
            return
        if (target := adapter.stop_target()) is None:
            try:
                adapter.locate()
            except (ClientError, BotoCoreError) as error:
                self._run.log.warning("AWS could not be asked for the %s %s: %s", noun, name, error)
            if (target := adapter.stop_target()) is None:
                self._run.log.warning("AWS knows of no %s %s to stop, or whether there is one", noun, name)
                return
        self._stop(target)

    def stop_leftover(self) -> None:
        """Stop what was made for the job alone."""
        if (target := self._run.adapter.leftover()) is not None:
            self._stop(target)

    def stop_left_behind(self, left: StepRecord) -> None:
        """Stop what another attempt has begun; nothing that is wrong with that keeps a new one from beginning."""
        try:
            target = read_stop_target(left.stop_target)
        except (KeyError, TypeError, ValueError) as error:
            self._run.log.error("What an earlier try has begun could not be stopped and may go on: %r", error)
        else:
            if target is not None:
                self._stop(target, self._run.aws.at(target.access), retry_seconds=LEFT_BEHIND_SECONDS)

    def _stop(self, target: StopTarget, aws: AwsAccess | None = None, *, retry_seconds: float = 0.0) -> None:
        if isinstance(target, MessageTarget):
            raise TypeError("a job's step has sent no message")
        run, limits = self._run, StopLimits(self._run.pause, STOP_SECONDS)
        came_of_it: Stopped | ClientError | BotoCoreError
        errors, until = 0, run.clock.monotonic() + retry_seconds
        while True:
            try:
                came_of_it = stop(target, aws or run.aws, limits=limits)
                break
            except (ClientError, BotoCoreError) as error:
                came_of_it = error
            errors += 1
            pause = run.pace.after(errors)
            if not is_transient(came_of_it) or run.clock.monotonic() + pause > until:
                break
            run.clock.sleep(pause)
        log_stop(run.log, target, came_of_it)
