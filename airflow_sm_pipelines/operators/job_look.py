"""Looking at a step's job from its worker: an error that passes is not the job's, and is waited out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import (
    EXPIRED_CREDENTIALS_CODES,
    CallError,
    SightLost,
    StepFailure,
    is_transient,
)
from airflow_sm_pipelines.jobs.job import look_for
from airflow_sm_pipelines.jobs.waiting import PollPace
from airflow_sm_pipelines.operators.job_stop import StoppableJobOperator

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import Context

T = TypeVar("T")

# How long a worker is held by looks that fail, before the try is given up and a later one looks.
PATIENCE_SECONDS = 300.0


class LookingJobOperator(StoppableJobOperator):
    """The part of a job's step that looks at the job."""

    @property
    def _pace(self) -> PollPace:
        return PollPace(self.settings.poll_interval, self.settings.poll_interval_max)

    def _look(self, context: Context, client: Any) -> dict[str, Any] | None:
        """The job's Describe response, or None where AWS has no such job."""
        name = self.record.job_name
        told = f"the {self.kind.noun} {name} could not be looked at"
        return self._patiently(context, client, told, lambda client: look_for(client, self.kind, name))

    def _patiently(self, context: Context, client: Any, told: str, look: Callable[[Any], T]) -> T:
        """What a look gives; one that fails in passing is made again, with the pauses of the waiting.

        Neither counter nor clock of a retry policy is asked about a job that goes on: where the errors stay, the try is
        lost, and what does not pass fails the step. ``told`` says so in a failure's message.
        """
        errors, until = 0, time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return look(client)
            except (ClientError, BotoCoreError) as error:
                said = CallError.of(error)
                if not is_transient(error):
                    failure = StepFailure(f"Step {self.task_id!r} failed: {told}: {said}", outcome_unknown=True)
                    self.fail_attempt(context, failure)
                errors += 1
                pause = self._pace.after(errors)
                if time.monotonic() + pause > until:
                    minutes = f"{PATIENCE_SECONDS / 60:g} min"
                    lost = SightLost(f"Step {self.task_id!r}: {told} for {minutes}, and a later try looks: {said}")
                    self.fail_attempt(context, lost)
                self.log.warning("For now %s, which is tried again in %g s: %s", told, pause, said)
                if said.code in EXPIRED_CREDENTIALS_CODES:
                    self.renew_access()
                    client = self.access.client(self.kind.service)
            time.sleep(pause)
            self.check_alive()
