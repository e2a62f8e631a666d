"""Waiting for a job, in the triggerer as in a worker: the one loop that both run."""

from __future__ import annotations

import asyncio
import logging
import time
from enum import Enum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from msgspec import Struct

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.failures import CallError, is_transient
from airflow_sm_pipelines.aws.shared_client import shared_client
from airflow_sm_pipelines.jobs.poll_schedule import AtIntervals, PollPace, PollSchedule
from airflow_sm_pipelines.jobs.time_limits import overdue, overdue_after
from airflow_sm_pipelines.observing.metrics import POLLS
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.step_types.job_kind import JobKind

log = logging.getLogger(__name__)

OVERDUE_SECONDS = 1.0


class WaitEnd(Enum):
    """Why the waiting ended."""

    ENDED = "ended"
    TIMED_OUT = "timed_out"
    OVERDUE = "outlived"
    """The job runs on after the time that its own request gives it. (The value is that of earlier versions.)"""
    UNREADABLE = "unreadable"


class WaitBounds(Struct, frozen=True):
    """How long a job is waited for: until ``deadline`` (epoch seconds), and for ``max_runtime_grace`` seconds after the
    end of the time that its own request gives it. None where there is no such bound.
    """

    deadline: float | None = None
    max_runtime_grace: float | None = None


async def wait_for_job(
    access: AwsAccess,
    kind: JobKind,
    name: str,
    pace: PollPace,
    bounds: WaitBounds,
    on_look: Callable[[], object] = lambda: None,
    schedule: PollSchedule | None = None,
) -> tuple[WaitEnd, str]:
    """Look at a job until it has ended, and say why the waiting ended and what was last seen.

    Errors that pass (throttling, faults of the service, lost connections, expired credentials) never end the
    waiting: it backs off, says so, and goes on, with a new client where the credentials have expired. ``on_look`` is
    called after each look that was answered, and may block. ``schedule`` says when the job is looked at; without one it
    is at once, and then in each interval.
    """
    schedule = AtIntervals(pace) if schedule is None else schedule
    loop = asyncio.get_running_loop()
    errors, last_status = 0, ""
    async with shared_client(access, kind.service) as shared:
        await schedule.first(_left(bounds.deadline))
        while True:
            pause, latest = None, bounds.deadline
            began = loop.time()
            POLLS.add(operation=kind.describe)
            try:
                async with shared.call() as client:
                    described = await operation(client, kind.describe)(**kind.asked_by(name))
            except Exception as error:
                if not is_transient(error):
                    if isinstance(error, ClientError):
                        return WaitEnd.UNREADABLE, str(CallError.of(error))
                    raise
                errors += 1
                pause = schedule.pause_after(error, errors)
                log.warning("Looking at the %s %s failed and is tried again in %g s: %s", kind.noun, name, pause, error)
            else:
                errors, status = 0, kind.status_of(described)
                schedule.looked(described, began)
                on_look()
                if (end := end_of(kind, described, bounds.max_runtime_grace, time.time())) is not None:
                    return end
                if status != last_status:
                    log.info("The %s %s is %s", kind.noun, name, status)
                    last_status = status
                latest = _earlier(latest, _overdue_after(kind, described, bounds.max_runtime_grace))
                # It may have hundreds of kilobytes, and the next look may be half an hour away.
                del described
            if bounds.deadline is not None and bounds.deadline <= time.time():
                return WaitEnd.TIMED_OUT, last_status
            at_most = _left(latest)
            if pause is None:
                await schedule.following(at_most)
            else:
                await asyncio.sleep(pause if at_most is None else min(pause, at_most))


def _left(moment: float | None) -> float | None:
    """Seconds until a moment in epoch seconds."""
    return None if moment is None else max(moment - time.time(), 0.0)


def _earlier(one: float | None, other: float | None) -> float | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _overdue_after(kind: JobKind, described: dict[str, Any], grace: float | None) -> float | None:
    """When a job that runs on is looked at again for that alone: a second late, as its end must be over."""
    moment = None if grace is None else overdue_after(kind, described, grace)
    return None if moment is None else moment + OVERDUE_SECONDS


def end_of(kind: JobKind, described: dict[str, Any], grace: float | None, now: float) -> tuple[WaitEnd, str] | None:
    """Whether a job's description ends the waiting for it, and how; ``now`` is in epoch seconds."""
    if kind.state_of(described) is not JobState.RUNNING:
        return WaitEnd.ENDED, kind.status_of(described)
    reason = None if grace is None else overdue(kind, described, grace, now)
    return None if reason is None else (WaitEnd.OVERDUE, reason)
