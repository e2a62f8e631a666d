"""The trigger that waits for a step's job while no worker is held."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.shielded import unbroken
from airflow_sm_pipelines.jobs.task_states import DEFERRED, state_at_kill
from airflow_sm_pipelines.jobs.trigger_event import storable_event, storable_failure
from airflow_sm_pipelines.jobs.waiting import PollPace, WaitBounds, stop_job, wait_for_job
from airflow_sm_pipelines.step_types.job_kind import JobKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent

log = logging.getLogger(__name__)


class JobTrigger(BaseTrigger):
    """Fires once, when the job has ended, has outlived its limit, cannot be looked at, or the deadline is over.

    Killing the deferred task stops the job. ``deadline`` is in epoch seconds: a trigger's own time-out would not
    stop the job, so the task's execution_timeout is kept here.
    """

    def __init__(
        self,
        kind: dict[str, Any],
        job_name: str,
        access: dict[str, Any],
        poll_interval: float,
        poll_interval_max: float,
        deadline: float | None,
        slack: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's is not annotated
        self.kind = JobKind.from_json(kind)
        self.job_name = job_name
        self.access = AwsAccess(**access)
        self.pace = PollPace(poll_interval, poll_interval_max)
        self.bounds = WaitBounds(deadline, slack)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "kind": self.kind.to_json(),
                "job_name": self.job_name,
                "access": self.access.to_json(),
                "poll_interval": self.pace.interval,
                "poll_interval_max": self.pace.longest,
                "deadline": self.bounds.deadline,
                "slack": self.bounds.slack,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        with storable_failure():
            end, seen = await wait_for_job(self.access, self.kind, self.job_name, self.pace, self.bounds)
        yield storable_event({"end": end.value, "seen": seen, "job_name": self.job_name})

    async def on_kill(self) -> None:
        await unbroken(self._kill())

    async def _kill(self) -> None:
        if await state_at_kill(self.task_instance) == DEFERRED:
            log.info("The %s %s is still waited for, by another triggerer: it goes on", self.kind.noun, self.job_name)
            return
        await self.stop()

    async def stop(self) -> None:
        """Stop what nobody waits for any more."""
        await stop_job(self.access, self.kind, self.job_name)
