"""What the lives of all that a step waits for have in common, be it a job or the answer to a message. No Airflow."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from msgspec import Struct

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.jobs.kill_verdict import Awaited
from airflow_sm_pipelines.jobs.step_run import LostTriesExceeded, StepRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.jobs.record import StepRecord


class Finished(Struct, frozen=True):
    """The step has its result."""

    result: dict[str, Any]


class StepLifecycle:
    """One try of a step that begins something in AWS and waits for it."""

    awaited: ClassVar[Awaited]
    """What is waited for."""

    run: StepRun

    def begin(self) -> None:
        """Take up the record. Stop what was running when a user cleared the task, if whoever was to stop it did not."""
        left = self.run.begin()
        self.begun()
        if left is not None:
            self.stop_left_behind(left)

    def begun(self) -> None:
        """The record is taken up."""

    def kill(self, *, timed_out: bool = False) -> None:  # noqa: ARG002 # a job's life reports it
        """Stop what is waited for, since nobody waits for it any more: the task is ended, or its time is over."""
        self.run.was_killed = True
        self.run.renew_access()
        self.stop()

    def fail(self, failure: StepFailure) -> NoReturn:
        """Record that this attempt failed, and raise the failure."""
        self.run.fail(failure)

    def stop(self) -> None:
        """Stop what may be running; what cannot be stopped is logged."""
        raise NotImplementedError

    def stop_left_behind(self, left: StepRecord) -> None:
        """Stop what another attempt has begun. No error in that keeps the new one from beginning."""
        raise NotImplementedError

    @contextmanager
    def recording_failures(self) -> Iterator[None]:
        """Put a failure of the step on record as it is raised.

        Of too many lost tries nothing is recorded but that the attempt may still be running: it is stopped, and stays
        to be looked at.
        """
        try:
            yield
        except LostTriesExceeded:
            self.stop()
            raise
        except StepFailure as failure:
            self.fail(failure)
