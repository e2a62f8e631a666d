"""One look for what runs on though its task has ended, and its end."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.aws.failures import CallError
from airflow_sm_pipelines.jobs.stop import StopOutcome, stop
from airflow_sm_pipelines.server.log_throttle import Refusals
from airflow_sm_pipelines.server.orphan_messages import take_back
from airflow_sm_pipelines.server.orphan_rows import Unowned, close, find_unowned
from airflow_sm_pipelines.step_types.stop_target import ApplicationTarget, JobTarget, MessageTarget, read_stop_target

log = logging.getLogger(__name__)

_refusals = Refusals()


def sweep() -> None:
    """Look at every step whose task has ended without a word, and end what it has left running.

    What happens to one of them keeps none of the others from being looked at.
    """
    found = find_unowned()
    _refusals.keep({unowned.row for unowned in found})
    for unowned in found:
        try:
            _end(unowned)
        except Exception as error:  # noqa: BLE001 # of AWS, a connection, a setting, or what another version stored
            if _refusals.is_news(unowned.row):
                log.warning(
                    "What %s, which has ended, waited for (%s) could not be stopped, and may go on: %s",
                    unowned.task,
                    unowned.record.job_name,
                    CallError.of(error) if isinstance(error, ClientError | BotoCoreError) else repr(error),
                )
        else:
            _refusals.forget(unowned.row)


def _end(unowned: Unowned) -> None:
    target = read_stop_target(unowned.record.stop_target)
    if isinstance(target, MessageTarget):
        take_back(unowned)
    elif target is None or _is_over(target):
        close(unowned)


def _is_over(target: JobTarget | ApplicationTarget) -> bool:
    """Stop a job, or take the next step of it; whether nothing is left to be done.

    :raises ClientError, BotoCoreError: when AWS cannot say, or will not
    """
    outcome = stop(target, AwsAccess(**target.access), ask_first=True).outcome
    if outcome is StopOutcome.ASKED:
        log.warning("The %s had no task any more and was asked to stop", target)
        # What cannot be described is asked once: whether it heeds that is not to be seen.
        return isinstance(target, JobTarget) and not target.can_be_described
    return outcome is not StopOutcome.UNDER_WAY
