"""Stopping a job without the step that made it: what a record keeps for that, and the one call that does it.

A job loses its owner when the task has ended (a user marked it, its tries are used up) and whoever was to stop the job
was dead at that moment: a killed triggerer's triggers are dropped by the next one without their ``on_kill``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from airflow_sm_pipelines.catalog.kind import JobKind, JobState
from airflow_sm_pipelines.runtime.aws import AwsAccess
from airflow_sm_pipelines.runtime.job import is_ended, is_missing, operation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.runtime.text import Json

log = logging.getLogger(__name__)

# How AWS names the states of what has been asked to stop: Stopping, and EMR's and EMR Serverless's.
STOPPING = ("STOPPING", "CANCEL", "TERMINATING", "DELETING")


def reach_of(kind: JobKind, access: AwsAccess, name: str) -> dict[str, Json]:
    """What it takes to look at a job and to stop it."""
    return {"kind": kind.to_json(), "access": access.to_json(), "name": name}


def stop_unowned(reach: Mapping[str, Any]) -> bool:
    """Ask AWS to stop a job that still runs; whether nothing is left to be done about it.

    A job that has been asked to stop is left alone, and so is one that AWS has no call to stop.

    :raises ClientError, BotoCoreError: when AWS cannot say, or will not
    """
    kind, name = JobKind.from_json(reach["kind"]), str(reach["name"])
    if kind.stop is None:
        return True
    client = AwsAccess(**reach["access"]).client(kind.service)
    try:
        described = cast("dict[str, Any]", operation(client, kind.describe)(**kind.asked_by(name)))
    except ClientError as error:
        if is_missing(error):
            return True
        raise
    if kind.state_of(described) is not JobState.RUNNING:
        return True
    if kind.status_of(described).upper().startswith(STOPPING):
        return False
    try:
        operation(client, kind.stop)(**kind.stopped_by(name))
    except ClientError as error:
        if not is_ended(error):
            raise
    log.warning("The %s %s had no task any more and was asked to stop", kind.noun, name)
    return False
