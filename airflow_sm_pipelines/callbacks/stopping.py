"""Telling the workers of a Callback step that nobody waits for their answer any more: by a second message.

It is one procedure (:mod:`airflow_sm_pipelines.jobs.stop`), which the step's worker, its trigger and the sweep of
orphans carry out; each writes the state into the answer slot in its own way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.callbacks.message import STOPPING, AnswerState, CallbackMessage
from airflow_sm_pipelines.jobs.stop import Call, Local, StopOutcome, Stopped, acarry_out, carry_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_sm_pipelines.jobs.stop import AwsClients, Procedure

SERVICE = "sqs"


def send_stopping(sealed: str, aws: AwsClients, leave: Callable[[AnswerState], object]) -> None:
    """Tell the workers, in a worker or in the sweep.

    :param sealed: the message as it is on record
    :param leave: writes a state into the answer slot of the message
    :raises UnsealError: where another key has sealed the message
    :raises ClientError, BotoCoreError: when the message cannot be sent
    """
    carry_out(_take_back(sealed, leave), lambda: aws.client(SERVICE))


async def asend_stopping(sealed: str, aws: AwsClients, leave: Callable[[AnswerState], Awaitable[object]]) -> None:
    """:func:`send_stopping` in the triggerer's event loop."""
    await acarry_out(_take_back(sealed, leave), lambda: aws.async_client(SERVICE))


def _take_back(sealed: str, leave: Callable[[AnswerState], object]) -> Procedure:
    message = CallbackMessage.unseal(sealed)
    # Before the message: its worker is to answer all the same, at once maybe, and must not be refused.
    yield Local(lambda: leave(AnswerState(message.execution_arn, state="stopping")))
    yield Call("SendMessage", message.request(STOPPING))
    return Stopped(StopOutcome.ASKED)
