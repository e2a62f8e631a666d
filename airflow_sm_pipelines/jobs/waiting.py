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
from airflow_sm_pipelines.jobs.time_limits import overdue
from airflow_sm_pipelines.observing.metrics import POLLS
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.step_types.job_kind import JobKind

log = logging.getLogger(__name__)


class WaitEnd(Enum):
    """Why the waiting ended."""

    ENDED = "ended"
    TIMED_OUT = "timed_out"
    OVERDUE = "outlived"
    """The job runs on after the time that its own request gives it. (The value is that of earlier versions.)"""
    UNREADABLE = "unreadable"


class PollPace(Struct, frozen=True):
    """Seconds between two looks at a job; after errors they double up to ``longest``."""

    interval: float
    longest: float

    def after(self, errors: int) -> float:
        """The pause after so many errors in a row."""
        return min(self.interval * 2**errors, max(self.longest, self.interval)) if errors else self.interval


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
) -> tuple[WaitEnd, str]:
    """Look at a job until it has ended, and say why the waiting ended and what was last seen.

    Errors that pass (throttling, faults of the service, lost connections, expired credentials) never end the
    waiting: it backs off, says so, and goes on with a new client. ``on_look`` is called after each look that was
    answered, and may block.
    """
    deadline = bounds.deadline
    errors, last_status = 0, ""
    async with shared_client(access, kind.service) as shared:
        while True:
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
                log.warning(
                    "Looking at the %s %s failed and is tried again in %g s: %s",
                    kind.noun,
                    name,
                    pace.after(errors),
                    error,
                )
            else:
                errors, status = 0, kind.status_of(described)
                on_look()
                if (end := _end_of(kind, described, bounds.max_runtime_grace)) is not None:
                    return end
                if status != last_status:
                    log.info("The %s %s is %s", kind.noun, name, status)
                    last_status = status
            pause = pace.after(errors)
            if deadline is not None and (remaining := deadline - time.time()) < pause:
                if remaining <= 0:
                    return WaitEnd.TIMED_OUT, last_status
                pause = remaining
            await asyncio.sleep(pause)


def _end_of(kind: JobKind, described: dict[str, Any], grace: float | None) -> tuple[WaitEnd, str] | None:
    """Whether a job's description ends the waiting for it, and how."""
    if kind.state_of(described) is not JobState.RUNNING:
        return WaitEnd.ENDED, kind.status_of(described)
    told = None if grace is None else overdue(kind, described, grace, time.time())
    return None if told is None else (WaitEnd.OVERDUE, told)
