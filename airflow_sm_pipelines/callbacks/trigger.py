"""The trigger that waits for the answer to a Callback step while no worker is held."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.triggers.base import BaseTrigger

from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.stopping import asend_stopping
from airflow_sm_pipelines.callbacks.waiting import CallbackWait, wait_for_answer
from airflow_sm_pipelines.callbacks.xcom_slots import is_reply_left, leave_reply, look_from_trigger
from airflow_sm_pipelines.jobs.deferral import settle
from airflow_sm_pipelines.jobs.job_labels import JobLabels
from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Awaited, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.shielded import shielded
from airflow_sm_pipelines.jobs.task_states import state_at_kill
from airflow_sm_pipelines.jobs.trigger_event import storable_event, storable_failure
from airflow_sm_pipelines.observing.log_fields import bind_fields
from airflow_sm_pipelines.observing.spans import describe_span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow.triggers.base import TriggerEvent

    from airflow_sm_pipelines.callbacks.message import AnswerState

log = logging.getLogger(__name__)


class CallbackTrigger(BaseTrigger):
    """Fires once: when the answer has come, or the time for it is over.

    Killing the deferred task tells the workers that it is stopping. ``notice`` is the sealed message; the argument
    keeps the name that triggers in flight are stored with. Before ``not_before``, in epoch seconds, it does not fire.
    ``labels`` say in logs and spans whose message it is; a trigger of the version before has none.
    """

    def __init__(
        self,
        wait: dict[str, Any],
        notice: str,
        *,
        not_before: float | None = None,
        labels: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's is not annotated
        self.wait = CallbackWait.from_json(wait)
        self.message = notice
        self.not_before = not_before
        self.labels = JobLabels(**(labels or {}))

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "wait": self.wait.to_json(),
                "notice": self.message,
                "not_before": self.not_before,
                "labels": self.labels.to_json(),
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        bind_fields(**self.labels.fields())
        describe_span(**self.labels.fields())
        with storable_failure():
            event = await wait_for_answer(self.wait, look_from_trigger, is_reply_left)
            if (reply := event.reply) is not None:
                await leave_reply(self.wait, reply)
        await settle(self.not_before)
        yield storable_event(event.to_json())

    async def on_kill(self) -> None:
        await shielded(self._kill())

    async def _kill(self) -> None:
        state = await state_at_kill(self.task_instance)
        if on_kill_verdict(state, AskedBy.TRIGGER, Awaited.ANSWER, timed_out=False) is not Verdict.STOP:
            # Airflow empties a cleared task's slot as its next try begins: that try tells the workers, and only it.
            log.info("The task is %s, and not over: its next try goes on with the message, or tells the workers", state)
            return
        await self.stop()

    async def stop(self) -> None:
        """Tell the workers that nobody waits for their answer any more."""
        try:
            await asend_stopping(self.message, self.wait.access, self._leave)
        except UnsealError as error:
            log.error("The workers cannot be told that the step is stopping: %s", error)
        else:
            log.info("The workers were told that the step is stopping")

    async def _leave(self, answer_state: AnswerState) -> None:
        try:
            await BaseXCom.aset(value=answer_state.to_text(), **self.wait.slot.address)
        except AirflowRuntimeError as error:
            log.warning("The workers' answer to a step that is stopping will be refused: %s", error)
