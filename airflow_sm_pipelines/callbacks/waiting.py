"""Waiting for the answer to a Callback step, in the triggerer as in a worker, on every channel at once.

It holds no Airflow: how a slot is read is handed in (:mod:`airflow_sm_pipelines.callbacks.xcom_slots`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from msgspec.structs import asdict

from airflow_sm_pipelines.aws.failures import CallError
from airflow_sm_pipelines.callbacks.message import Answer, AnswerSlot, AnswerState
from airflow_sm_pipelines.callbacks.reply import Reply
from airflow_sm_pipelines.callbacks.reply_queue import reply_queue
from airflow_sm_pipelines.jobs.poll_schedule import PollPace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from airflow_sm_pipelines.aws.access import AwsAccess

    Look = Callable[[AnswerSlot], Awaitable[Any]]
    IsLeft = Callable[[AnswerSlot], Awaitable[bool]]

log = logging.getLogger(__name__)
T = TypeVar("T")


class SlotUnreadableError(Exception):
    """For now Airflow does not say what is in a slot; the message says why."""


class CallbackEnd(Enum):
    """Why the waiting ended."""

    ANSWERED = "answered"
    EXPIRED = "expired"
    """No answer came within the callback_timeout."""
    TIMED_OUT = "timed_out"
    """The task's execution_timeout is over."""
    UNREADABLE = "unreadable"


class CallbackEvent(Struct, frozen=True):
    """What came of the waiting: an answer and, if it came by the queue, its message's handle; or AWS's words.

    The trigger's event carries no answer: what Airflow cannot write as an event ends its triggerer. The answer is on
    record where the task finds it (:func:`airflow_sm_pipelines.callbacks.xcom_slots.leave_reply`).
    """

    end: CallbackEnd
    answer: Answer | None = None
    receipt: str | None = None
    seen: str = ""

    @property
    def reply(self) -> Reply | None:
        """What came by the queue."""
        return Reply(self.answer, self.receipt) if self.answer is not None and self.receipt is not None else None

    def to_json(self) -> dict[str, Any]:
        return {"end": self.end.value, "seen": self.seen}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> CallbackEvent:
        # The events of the version before held the answer.
        answer = members.get("answer")
        return cls(
            CallbackEnd(members["end"]),
            answer and Answer.from_json(answer),
            members.get("receipt"),
            members.get("seen", ""),
        )


class CallbackWait(Struct, frozen=True):
    """One waiting: for which token, on which channels, until when (epoch seconds).

    ``slot`` is stored as ``mailbox``, the name that earlier versions read and write.
    """

    slot: AnswerSlot
    access: AwsAccess
    reply_queue_url: str | None
    pace: PollPace
    expires_at: float
    deadline: float | None

    def to_json(self) -> dict[str, Any]:
        members = {name: getattr(self, name) for name in self.__struct_fields__ if name != "slot"}
        parts = {"mailbox": asdict(self.slot), "access": self.access.to_json(), "pace": asdict(self.pace)}
        return {**members, **parts}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> CallbackWait:
        # It brings Airflow, which only the trigger's process has.
        from airflow_sm_pipelines.aws.access import AwsAccess

        others = {name: value for name, value in members.items() if name != "mailbox"}
        parts = {"slot": AnswerSlot(**members["mailbox"]), "access": AwsAccess(**members["access"])}
        return cls(**{**others, **parts, "pace": PollPace(**members["pace"])})


async def wait_for_answer(wait: CallbackWait, look: Look, is_left: IsLeft | None = None) -> CallbackEvent:
    """Wait until an answer has come or the time is over.

    :param look: reads the slot, or says that it cannot for now
    :param is_left: says whether an earlier waiting has left an answer from the queue for the step's task, which is then
        not in the event; the queue hides that message for minutes
    """
    slot = asyncio.create_task(_from_slot(wait, look))
    channels: set[asyncio.Task[Any]] = {slot}
    queue: asyncio.Task[Reply] | None = None
    left: asyncio.Task[None] | None = None
    if wait.reply_queue_url:
        reader = reply_queue(wait.access, wait.reply_queue_url, wait.pace)
        queue = asyncio.create_task(reader.reply_to(wait.slot.digest))
        channels.add(queue)
    if is_left is not None:
        left = asyncio.create_task(_left_before(wait, is_left))
        channels.add(left)
    last = wait.expires_at if wait.deadline is None else min(wait.expires_at, wait.deadline)
    try:
        await asyncio.wait(channels, timeout=max(last - time.time(), 0), return_when=asyncio.FIRST_COMPLETED)
        # Who answered through the endpoint was told that it worked: that answer comes first.
        if slot.done():
            return CallbackEvent(CallbackEnd.ANSWERED, slot.result())
        if left is not None and left.done():
            return CallbackEvent(CallbackEnd.ANSWERED)
        if queue is not None and queue.done():
            return _of_queue(queue)
        end = CallbackEnd.EXPIRED if last == wait.expires_at else CallbackEnd.TIMED_OUT
        return CallbackEvent(end)
    finally:
        for channel in channels:
            channel.cancel()
        await asyncio.gather(*channels, return_exceptions=True)


def _of_queue(queue: asyncio.Task[Reply]) -> CallbackEvent:
    try:
        reply = queue.result()
    except (ClientError, BotoCoreError) as error:
        return CallbackEvent(CallbackEnd.UNREADABLE, seen=str(CallError.of(error)))
    return CallbackEvent(CallbackEnd.ANSWERED, reply.answer, reply.receipt)


async def _from_slot(wait: CallbackWait, look: Look) -> Answer:
    while True:
        held = AnswerState.found_in(await _asked(wait, look))
        if held is not None and held.answer is not None:
            return held.answer
        await asyncio.sleep(wait.pace.interval)


async def _left_before(wait: CallbackWait, is_left: IsLeft) -> None:
    """End where an answer has been left. Where none has, nobody leaves one later, and this goes on until cancelled."""
    if not await _asked(wait, is_left):
        await asyncio.Event().wait()


async def _asked(wait: CallbackWait, ask: Callable[[AnswerSlot], Awaitable[T]]) -> T:
    """What Airflow says of the slot. It is asked again until it answers."""
    errors = 0
    while True:
        try:
            return await ask(wait.slot)
        except SlotUnreadableError as error:
            errors += 1
            log.warning("Looking for an answer in Airflow failed and is tried again: %s", error)
        await asyncio.sleep(wait.pace.after(errors))
