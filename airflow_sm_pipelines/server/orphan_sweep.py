"""One look for what runs on though its task has ended, and its end."""

from __future__ import annotations

import logging

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import CallError
from airflow_sm_pipelines.jobs.orphans import is_message, stop_unowned
from airflow_sm_pipelines.server.log_throttle import Refusals
from airflow_sm_pipelines.server.orphan_messages import take_back
from airflow_sm_pipelines.server.orphan_rows import Unowned, close, find_unowned

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
    if is_message(unowned.record.job):
        take_back(unowned)
    elif stop_unowned(unowned.record.job):
        close(unowned)
