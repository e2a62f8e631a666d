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
from airflow_sm_pipelines.jobs.kill_verdict import Awaited, Place, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.step_run import LostTriesExceeded, StepRun
from airflow_sm_pipelines.operators.kill_notice import record_before_exit, state_in_time
from airflow_sm_pipelines.operators.links import LINKS, ConsoleLinks
from airflow_sm_pipelines.operators.step import StepOperator, StepTry
from airflow_sm_pipelines.operators.task_ports import XComOutput, task_try
from airflow_sm_pipelines.step_types.stop_target import MessageTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.jobs.record import StepRecord


class CallbackRun(StepRun):
    """One try of a Callback step."""

    @override
    def stop_target_json(self) -> dict[str, Any]:
        return MessageTarget(self.aws.to_json()).to_json()


class StoppableCallbackOperator(StepOperator):
    """The part of a Callback step that takes its message back: by a second one, with the status Stopping.

    Each kill is told once: by the killed try where no other comes, else by the next try, which knows whether it
    begins anew; where both are dead, by the triggerer (:mod:`airflow_sm_pipelines.server.orphan_messages`).
    """

    operator_extra_links: Any = LINKS

    _context: Context | None = None
    _sending: Sending | None = None
    _links: ConsoleLinks | None = None

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
    def begin_try(self, context: Context) -> StepTry:
        self._context = context
        self._links = ConsoleLinks(self.step_type.console, XComOutput(context))
        self._try = StepTry(CallbackRun(task_try(context), self.parts(), **self.collaborators(context)))
        left = self._try.run.begin()
        if left is not None:
            self.stop_left_behind(left)
        return self._try

    @property
    def link_addresses(self) -> Mapping[str, str]:
        """What the links of the task's page show, by their XCom keys."""
        return {} if self._links is None else self._links.addresses

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
    def check_lost_tries(self) -> None:
        try:
            super().check_lost_tries()
        except LostTriesExceeded:
            self._tell_stopping(self._sending)
            raise

    def stop_left_behind(self, left: StepRecord) -> None:
        store = CallbackStore(self.context)
        sending = store.sending(left.token)
        if sending is not None and store.answer(sending.digest) is None:
            self._tell_stopping(sending)

    def on_kill(self) -> None:
        """Tell the workers when the task has ended or its time is over, but not where another try comes."""
        if self._try is None:
            return
        timed_out = isinstance(sys.exception(), AirflowTaskTimeout)
        state = None if timed_out else state_in_time(self.context)
        if on_kill_verdict(state, Place.WORKER, Awaited.ANSWER, timed_out=timed_out) is not Verdict.STOP:
            self.log.info("The task is not over: the next try goes on with the message, or tells the workers")
            record_before_exit(self._try.run.record_interruption)
            return
        self._try.run.was_killed = True
        self._tell_stopping(self._sending)

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
