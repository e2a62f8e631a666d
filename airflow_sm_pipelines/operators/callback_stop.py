"""Telling the workers of a Callback step that nobody waits for their answer any more."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.message import STOPPING, Letter, Mailbox, Notice
from airflow_sm_pipelines.callbacks.store import CallbackStore, Sending
from airflow_sm_pipelines.jobs.orphans import message_reach
from airflow_sm_pipelines.jobs.record import Phase
from airflow_sm_pipelines.operators.console_links import PlacedStepOperator
from airflow_sm_pipelines.operators.killed import is_ended
from airflow_sm_pipelines.operators.shutdown_notice import say_in_time

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.jobs.record import StepRecord


class StoppableCallbackOperator(PlacedStepOperator):
    """The part of a Callback step that takes its message back: by a second one, with the status Stopping.

    Each kill is told once: by the killed try where no other comes, else by the next try, which knows whether it
    begins anew; where both are dead, by the triggerer (:mod:`airflow_sm_pipelines.server.orphan_messages`).
    """

    _context: Context | None = None
    _sending: Sending | None = None
    _was_killed = False

    @property
    def context(self) -> Context:
        if self._context is None:
            raise RuntimeError(f"the step {self.task_id} has not begun a try")
        return self._context

    @property
    def sending(self) -> Sending:
        """The message on record."""
        if self._sending is None:
            raise RuntimeError(f"the step {self.task_id} has no message on record")
        return self._sending

    @override
    def _begin_try(self, context: Context) -> None:
        self._context = context
        super()._begin_try(context)

    @override
    def save(self, context: Context, **changes: Any) -> None:
        phase = changes.get("phase", self.record.phase)
        waits = phase is Phase.INTENDED and self.record.job_name
        super().save(context, **{"job": message_reach(self.access) if waits else {}, **changes})

    def mailbox_of(self, sending: Sending) -> Mailbox:
        """Where the answer to a message is left."""
        ti = self.context["ti"]
        map_index = -1 if ti.map_index is None else ti.map_index
        return Mailbox(sending.digest, ti.dag_id, ti.run_id, ti.task_id, map_index)

    def leave(self, letter: Letter, sending: Sending) -> None:
        """Put a letter in the mailbox of a message."""
        # Not with ti.xcom_push: a deployment's own XCom backend would put the value where the endpoint cannot find it.
        BaseXCom.set(value=letter.to_text(), **self.mailbox_of(sending).address)

    @override
    def abandon(self) -> None:
        self._tell_stopping(self._sending)

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        store = CallbackStore(self.context)
        sending = store.sending(left.token)
        if sending is not None and store.answer(sending.digest) is None:
            self._tell_stopping(sending)

    def on_kill(self) -> None:
        """Tell the workers when the task has ended or its time is over, but not where another try comes."""
        timed_out = isinstance(sys.exception(), AirflowTaskTimeout)
        if not timed_out and self._context is not None and not is_ended(self._context):
            self.log.info("The task is not over: the next try goes on with the message, or tells the workers")
            say_in_time(self._say_shut_down)
            return
        self._was_killed = True
        self._tell_stopping(self._sending)

    def _say_shut_down(self) -> None:
        """Put on record how this try ends, so that the next one does not take it for a worker's death."""
        if self._recorded_name and self.record.phase is Phase.INTENDED:
            self.save(self.context, open_try=None)

    def _tell_stopping(self, sending: Sending | None) -> None:
        """Send the second message; its worker is to answer it, which then changes nothing."""
        if sending is None:
            return
        try:
            notice = Notice.unseal(sending.notice)
            self._let_answer_stopping(notice, sending)
            self.access.client("sqs").send_message(**notice.request(STOPPING))
            self.log.info("The workers were told that the step is stopping")
        except (UnsealError, StepFailure, ClientError, BotoCoreError) as error:
            self.log.error("The workers could not be told that the step is stopping: %r", error)

    def _let_answer_stopping(self, notice: Notice, sending: Sending) -> None:
        # Before the message: its worker is to answer all the same, at once maybe, and must not be refused.
        try:
            self.leave(Letter(notice.execution_arn, state="stopping"), sending)
        except AirflowRuntimeError as error:
            self.log.warning("The workers' answer to a step that is stopping will be refused: %s", error)
