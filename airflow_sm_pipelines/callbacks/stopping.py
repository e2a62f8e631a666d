"""Telling the workers of a Callback step that nobody waits for their answer any more: by a second message.

It is one procedure (:mod:`airflow_sm_pipelines.jobs.stop`), which the step's worker, its trigger and the sweep of
orphans carry out; each leaves the letter in the mailbox in its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.callbacks.message import STOPPING, Letter, Notice
from airflow_sm_pipelines.jobs.stop import Call, Local, StopOutcome, Stopped, acarry_out, carry_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_sm_pipelines.jobs.stop import AwsClients, Procedure

SERVICE = "sqs"


def tell_stopping(sealed: str, aws: AwsClients, leave: Callable[[Letter], object]) -> None:
    """Tell the workers, in a worker or in the sweep.

    :param sealed: the message as it is on record
    :param leave: puts a letter into the mailbox of the message
    :raises UnsealError: where another key has sealed the message
    :raises ClientError, BotoCoreError: when the message cannot be sent
    """
    carry_out(_take_back(sealed, leave), lambda: aws.client(SERVICE))


async def atell_stopping(sealed: str, aws: AwsClients, leave: Callable[[Letter], Awaitable[object]]) -> None:
    """:func:`tell_stopping` in the triggerer's event loop."""
    await acarry_out(_take_back(sealed, leave), lambda: aws.async_client(SERVICE))


def _take_back(sealed: str, leave: Callable[[Letter], object]) -> Procedure:
    notice = Notice.unseal(sealed)
    # Before the message: its worker is to answer all the same, at once maybe, and must not be refused.
    yield Local(lambda: leave(Letter(notice.execution_arn, state="stopping")))
    yield Call("SendMessage", notice.request(STOPPING))
    return Stopped(StopOutcome.ASKED)
