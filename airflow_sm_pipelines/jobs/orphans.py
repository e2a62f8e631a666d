"""Stopping a job without the step that made it: what a record keeps for that, and the one call that does it.

A job loses its owner when the task has ended (a user marked it, its tries are used up) and whoever was to stop the job
was dead at that moment: a killed triggerer's triggers are dropped by the next one without their ``on_kill``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.emr_serverless import dispose_further
from airflow_sm_pipelines.jobs.job import is_ended, is_missing, operation
from airflow_sm_pipelines.step_types.job_kind import JobKind, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json

log = logging.getLogger(__name__)

# How AWS names the states of what has been asked to stop: Stopping, and EMR's and EMR Serverless's.
STOPPING = ("STOPPING", "CANCEL", "TERMINATING", "DELETING")


APPLICATION, MESSAGE = "application", "message"


def reach_of(kind: JobKind, access: AwsAccess, name: str) -> dict[str, Json]:
    """What it takes to look at a job and to stop it."""
    return {"kind": kind.to_json(), "access": access.to_json(), "name": name}


def application_reach(reach: dict[str, Json], application: str) -> dict[str, Json]:
    """What it takes where a job has an EMR Serverless application of its own, which is to go with it."""
    return {**reach, APPLICATION: application}


def application_of(reach: Mapping[str, Any]) -> str | None:
    """The application that a job has of its own."""
    return reach.get(APPLICATION)


def message_reach(access: AwsAccess) -> dict[str, Json]:
    """What it takes where the task waits for the answer to a message, and not for a job."""
    return {MESSAGE: True, "access": access.to_json()}


def is_message(reach: Mapping[str, Any]) -> bool:
    """Whether it is a message that is to be taken back, rather than a job that is to be stopped."""
    return MESSAGE in reach


def stop_unowned(reach: Mapping[str, Any]) -> bool:
    """Ask AWS to stop a job that still runs; whether nothing is left to be done about it.

    A job that has been asked to stop is left alone, and so is one that AWS has no call to stop. Of an application, the
    next step of its disposal is taken.

    :raises ClientError, BotoCoreError: when AWS cannot say, or will not
    """
    if (application := application_of(reach)) is not None:
        return dispose_further(AwsAccess(**reach["access"]), application)
    kind, name = JobKind.from_json(reach["kind"]), str(reach["name"])
    if kind.stop is None:
        return True
    client = AwsAccess(**reach["access"]).client(kind.service)
    # An EMR cluster may be known whose step is not: it can be terminated, and its step not be looked at.
    is_hidden = bool(kind.stopped_with) and not kind.asked_with
    if not is_hidden:
        described = _describe(client, kind, name)
        if described is None or kind.state_of(described) is not JobState.RUNNING:
            return True
        if kind.status_of(described).upper().startswith(STOPPING):
            return False
    try:
        operation(client, kind.stop)(**kind.stopped_by(name))
    except ClientError as error:
        if not is_ended(error):
            raise
    log.warning("The %s %s had no task any more and was asked to stop", kind.noun, name)
    return is_hidden


def _describe(client: Any, kind: JobKind, name: str) -> dict[str, Any] | None:
    try:
        return cast("dict[str, Any]", operation(client, kind.describe)(**kind.asked_by(name)))
    except ClientError as error:
        if is_missing(error):
            return None
        raise
