"""Stopping what a task has left running: one procedure, which a worker, a trigger and the sweep of orphans carry out.

The procedure is a generator: it yields the AWS calls to make and the pauses to keep, and is sent their results. So the
same lines run with boto3's clients and with aiobotocore's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct

from airflow_sm_pipelines.aws.calls import is_ended, is_missing, operation
from airflow_sm_pipelines.aws.failures import CallError, is_transient
from airflow_sm_pipelines.step_types.job_kind import JobState
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget, JobTarget

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from airflow_sm_pipelines.step_types.adapter import Log

# How AWS names the states of what has been asked to stop: Stopping, and EMR's and EMR Serverless's.
STOPPING = ("STOPPING", "CANCEL", "TERMINATING", "DELETING")
ACTIVE_RUNS = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED")
# What EMR Serverless answers when a run or an application has moved on since it was described.
OVERTAKEN = ("ValidationException", "ConflictException")
MAX_PAUSE_SECONDS = 5.0


class StopOutcome(Enum):
    """What came of a stop."""

    ASKED = "was asked to stop"
    ENDED = "had ended already"
    UNDER_WAY = "is being stopped"
    NO_CALL = "goes on (AWS has no call that stops it)"


class Stopped(Struct, frozen=True):
    """The outcome of a stop; ``detail`` says what is still waited for where it is under way."""

    outcome: StopOutcome
    detail: str = ""


class StopLimits(Struct, frozen=True):
    """How long a stop of several calls is followed: seconds between two of them, and altogether."""

    interval: float
    longest: float

    @property
    def pause(self) -> float:
        return min(self.interval, MAX_PAUSE_SECONDS)


AT_ONCE = StopLimits(0.0, 0.0)
"""Of a stop of several calls, what can be done now."""


class Call(Struct, frozen=True):
    """An AWS call to make."""

    operation: str
    arguments: dict[str, Any]


class Pause(Struct, frozen=True):
    """Seconds to wait."""

    seconds: float


class Local(Struct, frozen=True):
    """Something to do that is no call of AWS; in an event loop it is awaited."""

    do: Callable[[], Any]


Step: TypeAlias = Call | Pause | Local
Procedure: TypeAlias = Generator[Step, Any, Stopped]


class AwsClients(Protocol):
    """How AWS is reached."""

    def client(self, service: str) -> Any:
        """A boto3 client."""

    def async_client(self, service: str) -> AbstractAsyncContextManager[Any]:
        """An asynchronous client."""


def stop(
    target: JobTarget | ApplicationTarget, aws: AwsClients, *, limits: StopLimits = AT_ONCE, ask_first: bool = False
) -> Stopped:
    """Stop a target, in a worker or in the sweep.

    :param ask_first: whether a job is described before it is asked to stop, so that it is asked only once
    :raises ClientError, BotoCoreError: when AWS will not
    """
    return carry_out(_procedure(target, limits, ask_first=ask_first), lambda: aws.client(target.service))


def is_settled(target: JobTarget | ApplicationTarget, outcome: StopOutcome) -> bool:
    """Whether nothing is left to be done about a target, by what a stop came to that described it first."""
    if outcome is StopOutcome.ASKED:
        # What cannot be described is asked once: whether it obeys cannot be seen.
        return isinstance(target, JobTarget) and not target.can_be_described
    return outcome is not StopOutcome.UNDER_WAY


async def astop(
    target: JobTarget | ApplicationTarget, aws: AwsClients, *, limits: StopLimits = AT_ONCE, ask_first: bool = False
) -> Stopped:
    """:func:`stop` in the triggerer's event loop."""
    procedure = _procedure(target, limits, ask_first=ask_first)
    return await acarry_out(procedure, lambda: aws.async_client(target.service))


def carry_out(procedure: Procedure, client: Callable[[], Any]) -> Stopped:
    """Carry a procedure out with a client of boto3."""
    opened: Any = None
    step = _advance(procedure)
    while not isinstance(step, Stopped):
        result, error = None, None
        if isinstance(step, Pause):
            time.sleep(step.seconds)
        elif isinstance(step, Local):
            result = step.do()
        else:
            opened = client() if opened is None else opened
            try:
                result = operation(opened, step.operation)(**step.arguments)
            except (ClientError, BotoCoreError) as raised:
                error = raised
        step = _advance(procedure, result, error)
    return step


async def acarry_out(procedure: Procedure, client: Callable[[], AbstractAsyncContextManager[Any]]) -> Stopped:
    """Carry a procedure out with a client of aiobotocore; what it does locally is awaited."""
    step = _advance(procedure)
    if isinstance(step, Stopped):
        return step
    async with client() as opened:
        while not isinstance(step, Stopped):
            result, error = None, None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
            elif isinstance(step, Local):
                result = await step.do()
            else:
                try:
                    result = await operation(opened, step.operation)(**step.arguments)
                except (ClientError, BotoCoreError) as raised:
                    error = raised
            step = _advance(procedure, result, error)
        return step


def _advance(
    procedure: Procedure, result: Any = None, error: ClientError | BotoCoreError | None = None
) -> Step | Stopped:
    """The next step of a procedure, or what came of it."""
    try:
        return procedure.send(result) if error is None else procedure.throw(error)
    except StopIteration as end:
        stopped: Stopped = end.value
        return stopped


def _procedure(target: JobTarget | ApplicationTarget, limits: StopLimits, *, ask_first: bool) -> Procedure:
    if isinstance(target, ApplicationTarget):
        return _dispose(target.application, time.monotonic() + limits.longest, limits)
    return _stop_job(target, ask_first=ask_first)


def _stop_job(target: JobTarget, *, ask_first: bool) -> Procedure:
    kind = target.kind
    if kind.stop is None:
        return Stopped(StopOutcome.NO_CALL)
    if ask_first and target.can_be_described:
        try:
            described = yield Call(kind.describe, kind.asked_by(target.name))
        except ClientError as error:
            if not is_missing(error):
                raise
            return Stopped(StopOutcome.ENDED)
        if kind.state_of(described) is not JobState.RUNNING:
            return Stopped(StopOutcome.ENDED)
        if (status := kind.status_of(described)).upper().startswith(STOPPING):
            return Stopped(StopOutcome.UNDER_WAY, status)
    try:
        yield Call(kind.stop, kind.stopped_by(target.name))
    except ClientError as error:
        if not is_ended(error):
            raise
        return Stopped(StopOutcome.ENDED)
    return Stopped(StopOutcome.ASKED)


def _dispose(application: str, deadline: float, limits: StopLimits) -> Procedure:
    """Cancel what runs in an application, stop it and delete it.

    Each round describes it and decides what to do next, so it does not matter how far an earlier stop came.
    """
    while True:
        try:
            pending = yield from _dispose_further(application)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and is_missing(error):
                return Stopped(StopOutcome.ENDED)
            overtaken = CallError.of(error).code in OVERTAKEN
            # Where there is no time to wait, whoever asked for one round gets the error.
            if not (overtaken or (is_transient(error) and limits.longest)):
                raise
            pending = str(CallError.of(error))
        if not pending:
            return Stopped(StopOutcome.ENDED)
        if time.monotonic() + limits.pause > deadline:
            return Stopped(StopOutcome.UNDER_WAY, pending)
        yield Pause(limits.pause)


def _dispose_further(application: str) -> Generator[Call, Any, str]:
    """Take the next step towards an application's end; what is waited for, or nothing when it is gone."""
    which = {"applicationId": application}
    state: str = (yield Call("GetApplication", which))["application"]["state"]
    if state == "TERMINATED":
        return ""
    if state in ("CREATED", "STOPPED"):
        yield Call("DeleteApplication", which)
        return ""
    if state in ("STARTING", "STARTED"):
        runs = (yield Call("ListJobRuns", which))["jobRuns"]
        for run in runs:
            if run["state"] in ACTIVE_RUNS:
                yield Call("CancelJobRun", {**which, "jobRunId": run["id"]})
        if any(run["state"] in (*ACTIVE_RUNS, "CANCELLING") for run in runs):
            return "a job run is being cancelled"
        yield Call("StopApplication", which)
    return f"it was {state}"


def log_stop(
    log: Log, target: JobTarget | ApplicationTarget, came_of_it: Stopped | ClientError | BotoCoreError
) -> None:
    """Log what came of a stop, or what kept it from being made."""
    if isinstance(target, ApplicationTarget):
        _log_disposal(log, target, came_of_it)
    elif isinstance(came_of_it, Stopped):
        log.info("The %s %s", target, came_of_it.outcome.value)
    else:
        log.error("The %s could not be stopped and may go on: %s", target, came_of_it)


def _log_disposal(log: Log, target: ApplicationTarget, came_of_it: Stopped | ClientError | BotoCoreError) -> None:
    left = "The %s is left behind (%s). Unless the task was killed, delete it; it stops itself when idle."
    if not isinstance(came_of_it, Stopped):
        log.error(left, target, CallError.of(came_of_it))
    elif came_of_it.outcome is StopOutcome.UNDER_WAY:
        log.warning(left, target, came_of_it.detail)
    else:
        log.info("The %s is deleted", target)
