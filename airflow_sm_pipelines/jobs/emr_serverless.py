"""EMR Serverless applications of a step's own: how they come up, and how nothing of them is left."""

from __future__ import annotations

import asyncio
import logging
import time
from threading import Thread
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, is_transient
from airflow_sm_pipelines.jobs.job import is_missing
from airflow_sm_pipelines.jobs.trigger import JobTrigger

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.aws.access import AwsAccess

log = logging.getLogger(__name__)

SERVICE = "emr-serverless"
ACTIVE_RUNS = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED")
LONGEST_PAUSE_SECONDS = 5.0
# What the calls answer when the run or application has moved on since the look at it.
OVERTAKEN = ("ValidationException", "ConflictException")
PATIENCE_SECONDS = 300.0
# Airflow gives a trigger's on_kill 30 s, unless [triggerer] on_kill_timeout says otherwise.
PATIENCE_OF_A_TRIGGER_SECONDS = 25.0
LEFT_BEHIND = (
    "The application %s is left behind (%s). Unless the task was killed, delete it; it stops itself when idle."
)


class Patience(Struct, frozen=True):
    """Seconds between two looks, and altogether."""

    interval: float
    longest: float

    @property
    def pause(self) -> float:
        return min(self.interval, LONGEST_PAUSE_SECONDS)


def starts_by_itself(application: Mapping[str, Any]) -> bool:
    """Whether an application, as it is asked for, starts when a job run is started in it."""
    return bool(application.get("autoStartConfiguration", {}).get("enabled", True))


def await_application(client: Any, application: str, passing: tuple[str, ...], patience: Patience) -> None:
    """Wait while a new application is in states that pass, such as CREATING.

    :raises TimeoutError: when they do not pass
    """
    deadline = time.monotonic() + patience.longest
    while (state := client.get_application(applicationId=application)["application"]["state"]) in passing:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the application {application} is still {state}")
        time.sleep(patience.pause)


def find_run(client: Any, application: str, name: str) -> str | None:
    """The id of an application's job run of that name."""
    for page in client.get_paginator("list_job_runs").paginate(applicationId=application):
        for run in page["jobRuns"]:
            if run.get("name") == name:
                return str(run["id"])
    return None


async def dispose(access: AwsAccess, application: str, patience: Patience) -> bool:
    """Cancel what runs in an application, stop it and delete it; whether it is gone.

    Each look decides what to do next, so it does not matter how far an earlier disposal came. What stays is told in
    the log.
    """
    deadline = time.monotonic() + patience.longest
    seen = "nothing is known of it"
    async with await access.hook(SERVICE).get_async_conn() as client:
        while True:
            try:
                seen = await _next(client, application)
            except (ClientError, BotoCoreError) as error:
                if isinstance(error, ClientError) and is_missing(error):
                    seen = ""
                elif is_transient(error) or CallError.of(error).code in OVERTAKEN:
                    seen = str(CallError.of(error))
                else:
                    log.error(LEFT_BEHIND, application, CallError.of(error))
                    return False
            if not seen:
                log.info("The application %s is deleted", application)
                return True
            if time.monotonic() + patience.pause > deadline:
                log.warning(LEFT_BEHIND, application, seen)
                return False
            await asyncio.sleep(patience.pause)


def dispose_further(access: AwsAccess, application: str) -> bool:
    """Take the next step of a disposal, and do not wait for what comes of it; whether the application is gone.

    :raises ClientError, BotoCoreError: when the step cannot be taken
    """
    try:
        return not asyncio.run(_next_of(access, application))
    except ClientError as error:
        if is_missing(error):
            return True
        if CallError.of(error).code in OVERTAKEN:
            return False
        raise


async def _next_of(access: AwsAccess, application: str) -> str:
    async with await access.hook(SERVICE).get_async_conn() as client:
        return await _next(client, application)


async def _next(client: Any, application: str) -> str:
    """Take the next step towards an application's end; what it was waiting for, or nothing when it is gone."""
    state: str = (await client.get_application(applicationId=application))["application"]["state"]
    if state == "TERMINATED":
        return ""
    if state in ("CREATED", "STOPPED"):
        await client.delete_application(applicationId=application)
        return ""
    if state in ("STARTING", "STARTED"):
        runs = (await client.list_job_runs(applicationId=application))["jobRuns"]
        for run in runs:
            if run["state"] in ACTIVE_RUNS:
                await client.cancel_job_run(applicationId=application, jobRunId=run["id"])
        if any(run["state"] in (*ACTIVE_RUNS, "CANCELLING") for run in runs):
            return "a job run is being cancelled"
        await client.stop_application(applicationId=application)
    return f"it was {state}"


def dispose_in_worker(access: AwsAccess, application: str, patience: Patience) -> None:
    """:func:`dispose` from a worker's task, also where a signal has interrupted an event loop."""
    thread = Thread(target=lambda: asyncio.run(dispose(access, application, patience)), daemon=True)
    thread.start()
    thread.join()


class OwnApplicationTrigger(JobTrigger):
    """Waits for a job run in an application of its own: killing the deferred task takes the application with it."""

    @override
    async def stop(self) -> None:
        patience = Patience(self.pace.interval, PATIENCE_OF_A_TRIGGER_SECONDS)
        await dispose(self.access, self.kind.asked_with["applicationId"], patience)
