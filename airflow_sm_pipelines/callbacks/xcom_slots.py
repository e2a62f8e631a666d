"""The slots of answers as XComs: how a task and a trigger read them, and leave in them what came by the queue."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time import task_runner

from airflow_sm_pipelines.callbacks.reply import Reply
from airflow_sm_pipelines.callbacks.waiting import SlotUnreadableError

if TYPE_CHECKING:
    from airflow_sm_pipelines.callbacks.message import AnswerSlot
    from airflow_sm_pipelines.callbacks.waiting import CallbackWait

log = logging.getLogger(__name__)


async def look_from_task(slot: AnswerSlot) -> Any:
    """Read a slot in a task, whose line to Airflow does not bear an awaited call that is cancelled.

    :raises SlotUnreadableError: where Airflow does not say what is in it
    """
    try:
        return BaseXCom.get_one(**slot.address)
    except AirflowRuntimeError as error:
        raise SlotUnreadableError(str(error)) from error


async def look_from_trigger(slot: AnswerSlot) -> Any:
    """Read a slot in the triggerer, without holding up other triggers.

    :raises SlotUnreadableError: where Airflow does not say what is in it
    """
    return await _look_at(slot.address)


async def is_reply_left(slot: AnswerSlot) -> bool:
    """Whether a triggerer before this one has left what came by the queue; the task can take it from there.

    :raises SlotUnreadableError: where Airflow does not say what is there
    """
    text = await _look_at(slot.reply_address)
    if not isinstance(text, str):
        return False
    try:
        Reply.from_text(text)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # Another key may have sealed it. The queue shows the message again, which then takes this one's place.
        log.warning("What was left for the step's task cannot be read (%s): it is waited for", type(error).__name__)
        return False
    return True


async def _look_at(address: dict[str, Any]) -> Any:
    try:
        if hasattr(task_runner.SUPERVISOR_COMMS, "asend"):
            return await BaseXCom.aget_one(**address)
        # ``airflow dags test`` runs a trigger in the task's own process.
        return BaseXCom.get_one(**address)
    except AirflowRuntimeError as error:
        raise SlotUnreadableError(str(error)) from error


async def leave_reply(wait: CallbackWait, reply: Reply) -> None:
    """Leave what came by the queue where the step's task finds it; until that has worked, the task is not woken."""
    address = wait.slot.reply_address
    errors = 0
    while True:
        try:
            if hasattr(task_runner.SUPERVISOR_COMMS, "asend"):
                await BaseXCom.aset(value=reply.to_text(), **address)
            else:
                BaseXCom.set(value=reply.to_text(), **address)
        except AirflowRuntimeError as error:
            errors += 1
            log.warning("Leaving an answer for the step's task failed and is tried again: %s", error)
            await asyncio.sleep(wait.pace.after(errors))
        else:
            return


def reply_left(slot: AnswerSlot) -> Reply | None:
    """What a trigger has left for the step's task, read in that task."""
    text = BaseXCom.get_one(**slot.reply_address)
    return Reply.from_text(text) if isinstance(text, str) else None
