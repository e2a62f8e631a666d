"""One look for what runs on though its task has ended, and its end."""

from __future__ import annotations

import logging
from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.aws.failures import CallError
from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Awaited, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.stop import StopOutcome, is_settled, stop
from airflow_sm_pipelines.observing.metrics import ORPHANS_STOPPED
from airflow_sm_pipelines.server.cleared_attempts import ClearedAttempt, find_cleared, forget
from airflow_sm_pipelines.server.log_throttle import Refusals
from airflow_sm_pipelines.server.orphan_messages import take_back
from airflow_sm_pipelines.server.orphan_rows import GRACE, Orphan, close, find_orphans
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget, JobTarget, MessageTarget, read_stop_target

log = logging.getLogger(__name__)

_refusals = Refusals()


def sweep(grace: timedelta = GRACE) -> None:
    """Look at every step whose task has ended without a word, and end what it has left running.

    What happens to one of them keeps none of the others from being looked at.

    :param grace: for how long who was to stop the job is left to do so
    """
    found, cleared_tries = find_orphans(grace), find_cleared()
    _refusals.keep({*(orphan.row for orphan in found), *(cleared.attempt for cleared in cleared_tries)})
    for orphan in found:
        try:
            end(orphan)
        except Exception as error:  # noqa: BLE001 # of AWS, a connection, a setting, or what another version stored
            if _refusals.is_news(orphan.row):
                log.warning(
                    "What %s, which has ended, waited for (%s) could not be stopped, and may go on: %s",
                    orphan.task,
                    orphan.record.job_name,
                    CallError.of(error) if isinstance(error, ClientError | BotoCoreError) else repr(error),
                )
        else:
            _refusals.forget(orphan.row)
    for cleared in cleared_tries:
        try:
            _end_cleared(cleared)
        except Exception as error:  # noqa: BLE001 # as above
            if _refusals.is_news(cleared.attempt):
                log.warning(
                    "The job %s of a cleared try of %s could not be stopped, and may go on: %s",
                    cleared.job_name,
                    cleared.task,
                    CallError.of(error) if isinstance(error, ClientError | BotoCoreError) else repr(error),
                )
        else:
            _refusals.forget(cleared.attempt)


def _end_cleared(cleared: ClearedAttempt) -> None:
    """Stop the job of a try that was cleared. Messages of Callback steps have no such note."""
    target = read_stop_target(cleared.target)
    if target is None or isinstance(target, MessageTarget) or _is_over(target):
        forget(cleared)


def end(orphan: Orphan) -> None:
    """End what a record's task has left running, if the verdict on a kill is so.

    :raises Exception: of AWS, a connection, a setting, or what another version stored
    """
    target = read_stop_target(orphan.record.stop_target)
    awaited = Awaited.ANSWER if isinstance(target, MessageTarget) else Awaited.JOB
    if on_kill_verdict(orphan.state, AskedBy.SWEEP, awaited, timed_out=False) is not Verdict.STOP:
        return
    if isinstance(target, MessageTarget):
        take_back(orphan)
    elif target is None or _is_over(target):
        close(orphan)


def _is_over(target: JobTarget | ApplicationTarget) -> bool:
    """Stop a job, or take the next step of it; whether nothing is left to be done.

    :raises ClientError, BotoCoreError: when AWS cannot say, or will not
    """
    outcome = stop(target, AwsAccess(**target.access), ask_first=True).outcome
    if outcome is StopOutcome.ASKED:
        ORPHANS_STOPPED.add()
        log.warning("The %s had no task any more and was asked to stop", target)
    return is_settled(target, outcome)
