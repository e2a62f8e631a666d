"""The trigger that waits for a step's job while no worker is held."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger
from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.deferral import settle
from airflow_sm_pipelines.jobs.job_labels import JobLabels
from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.observers import JobEnd
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.shared_poller import shared_schedule
from airflow_sm_pipelines.jobs.shielded import shielded
from airflow_sm_pipelines.jobs.stop import StopLimits, astop, log_stop
from airflow_sm_pipelines.jobs.task_states import state_at_kill
from airflow_sm_pipelines.jobs.trigger_event import storable_event, storable_failure
from airflow_sm_pipelines.jobs.waiting import WaitBounds, wait_for_job
from airflow_sm_pipelines.observing.log_fields import bind_fields
from airflow_sm_pipelines.observing.metrics import JOBS_ENDED
from airflow_sm_pipelines.observing.spans import describe_span
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget, JobTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent

log = logging.getLogger(__name__)

# Airflow gives a trigger's on_kill 30 s, unless [triggerer] on_kill_timeout says otherwise.
STOP_SECONDS = 25.0


class JobTrigger(BaseTrigger):
    """Fires once, when the job has ended, is overdue, cannot be described, or the deadline is over.

    Killing the deferred task stops the job, and with it the EMR Serverless ``application`` that was made for it.
    ``deadline`` is in epoch seconds: a trigger's own time-out would not stop the job, so the task's execution_timeout
    is kept here. ``slack`` is the grace after the time that the job's own request gives it, in seconds. ``labels`` say
    in logs, metrics and spans whose job it is; a trigger of the version before has none. ``by_lists`` says whether List
    calls may show which jobs have changed, ``events_queue`` is the SQS queue with events of jobs. Before
    ``not_before``, in epoch seconds, it does not fire.
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
        application: str | None = None,
        labels: dict[str, Any] | None = None,
        *,
        by_lists: bool = True,
        not_before: float | None = None,
        events_queue: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's is not annotated
        self.kind = JobKind.from_json(kind)
        self.job_name = job_name
        self.access = AwsAccess(**access)
        self.pace = PollPace(poll_interval, poll_interval_max)
        self.bounds = WaitBounds(deadline, slack)
        self.application = application
        self.labels = JobLabels(job_name, **(labels or {}))
        self.by_lists = by_lists
        self.not_before = not_before
        self.events_queue = events_queue

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{JobTrigger.__module__}.{JobTrigger.__qualname__}",
            {
                "kind": self.kind.to_json(),
                "job_name": self.job_name,
                "access": self.access.to_json(),
                "poll_interval": self.pace.interval,
                "poll_interval_max": self.pace.longest,
                "deadline": self.bounds.deadline,
                "slack": self.bounds.max_runtime_grace,
                "application": self.application,
                "labels": self.labels.to_json(),
                "by_lists": self.by_lists,
                "not_before": self.not_before,
                "events_queue": self.events_queue,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        bind_fields(**self.labels.fields())
        describe_span(**self.labels.fields())
        with storable_failure():
            kind, name, pace = self.kind, self.job_name, self.pace
            shared = shared_schedule(
                self.access, kind, name, pace, by_lists=self.by_lists, events_queue=self.events_queue
            )
            async with shared as schedule:
                end, seen = await wait_for_job(self.access, kind, name, pace, self.bounds, schedule=schedule)
        await settle(self.not_before)
        event = {"end": end.value, "seen": seen, "job_name": self.job_name, "deadline": self.bounds.deadline}
        yield storable_event(event)

    async def on_kill(self) -> None:
        await shielded(self._kill())

    async def _kill(self) -> None:
        state = await state_at_kill(self.task_instance)
        if on_kill_verdict(state, AskedBy.TRIGGER, timed_out=False) is not Verdict.STOP:
            log.info("The %s %s is still waited for, by another triggerer: it goes on", self.kind.noun, self.job_name)
            return
        JOBS_ENDED.add(step_type=self.labels.step_type, end=JobEnd.KILLED.value)
        target: JobTarget | ApplicationTarget = JobTarget(self.kind, self.job_name, self.access.to_json())
        if self.application is not None:
            target = ApplicationTarget(self.application, self.access.to_json())
        limits = StopLimits(self.pace.interval, STOP_SECONDS)
        try:
            log_stop(log, target, await astop(target, self.access, limits=limits))
        except (ClientError, BotoCoreError) as error:
            log_stop(log, target, error)
