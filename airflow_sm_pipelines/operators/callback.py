"""Callback: a message to a queue, and the wait for its answer (semantics 2.11)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import (
    CallError,
    StepFailure,
    is_lost,
    type_of_call_error,
)
from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.message import (
    EXECUTING,
    Answer,
    Letter,
    Notice,
    digest_of,
    new_callback_token,
)
from airflow_sm_pipelines.callbacks.store import CallbackStore, Sending
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import (
    CallbackEnd,
    CallbackEvent,
    CallbackWait,
    look_from_task,
    reply_left,
    wait_for_answer,
)
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.waiting import PollPace
from airflow_sm_pipelines.operators.callback_stop import StoppableCallbackOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class CallbackStepOperator(StoppableCallbackOperator):
    """A Callback step. Its result is ``{"OutputParameters": {name: value}}``, each value of its declared OutputType.

    The message has the service's form (token, pipelineExecutionArn, arguments, status), with a token of this step's
    own. The answer comes by the reply queue (``[sagemaker_pipelines] callback_reply_queue_url``), or by SageMaker's own
    calls to the endpoint in Airflow's API server (:mod:`airflow_sm_pipelines.server`). The first one counts.

    Token and message are on record before the message is sent, so a later try of the same attempt waits for the same
    token and sends nothing again. What cannot be had is a message that is never sent twice: where a try died, or the
    reply was lost, between the sending and its record, the next one sends it again with the same token. A FIFO queue
    drops the second.
    """

    _notice: Notice | None = None
    _queue_url = ""

    @override
    def request_template(self) -> Object:
        return {"QueueUrl": self.step.settings.get("SqsQueueUrl"), "arguments": self.step.arguments}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        request = resolve_object(self.request_template(), scope)
        url, arguments = request["QueueUrl"], request["arguments"]
        if not isinstance(url, str) or not isinstance(arguments, dict):
            raise StepFailure(f"Step {self.task_id!r} failed: its SqsQueueUrl is {url!r}, and no text.")
        self._notice = Notice(url, new_callback_token(), scope.execution_arn, arguments)
        return {**request, "pipelineExecutionArn": scope.execution_arn, "status": EXECUTING}

    @override
    def run_step(self, context: Context) -> Any:
        self._sending = CallbackStore(context).sending(self.record.token)
        self.check_lost_tries()
        if self._sending is None:
            self.check_resolved(context)
            self._record_notice(context)
        else:
            self.log.info("Going on with the token of an earlier try")
            if self.record.definition_digest != self.pipeline.digest:
                self.log.warning("The definition has changed since: the answer to the message as sent is waited for")
            self.step_run.save()
        notice = self._unsealed(context)
        if (answer := CallbackStore(context).answer(self.sending.digest)) is not None:
            return self._finish(context, answer)
        # The place for the answer is there before the message that asks for it; a new try finds it emptied.
        self.leave(Letter(notice.execution_arn), self.sending)
        self._queue_url = notice.queue_url
        client = self.access.client("sqs")
        if self._links is not None:
            self._links.show(client, {"QueueUrl": self._queue_url})
        if self.sending.sent_at is None:
            self._send(context, client, notice)
        return self._wait(context)

    def _unsealed(self, context: Context) -> Notice:
        try:
            return Notice.unseal(self.sending.notice)
        except UnsealError as error:
            self._fail(context, f"its message on record cannot be read. {error}")

    def _record_notice(self, context: Context) -> None:
        if self._notice is None:
            raise RuntimeError(f"the step {self.task_id} has not been resolved")
        digest = digest_of(self._notice.token)
        self.step_run.save(self.record.named(digest))
        self._save_sending(context, Sending(self.record.token, digest, self._notice.seal()))

    def _save_sending(self, context: Context, sending: Sending) -> None:
        self._sending = sending
        CallbackStore(context).put_sending(sending)

    def _send(self, context: Context, client: Any, notice: Notice) -> None:
        try:
            client.send_message(**notice.request(EXECUTING))
        except (ClientError, BotoCoreError) as error:
            message = f"Step {self.task_id!r} failed: sqs:SendMessage was refused. {CallError.of(error)}"
            failure = StepFailure(message, type_of_call_error(error), outcome_unknown=is_lost(error))
            self.fail_attempt(context, failure)
        self._save_sending(context, replace(self.sending, sent_at=time.time()))
        self.log.info("Sent the message to %s (attempt %d)", notice.queue_url, self.record.attempt)

    def _wait(self, context: Context) -> Any:
        now = time.time()
        wait = CallbackWait(
            mailbox=self.mailbox_of(self.sending),
            access=self.access,
            reply_queue_url=self.settings.callback_reply_queue_url,
            pace=PollPace(self.settings.poll_interval, self.settings.poll_interval_max),
            expires_at=(self.sending.sent_at or now) + self.settings.callback_timeout,
            deadline=None if self.execution_timeout is None else now + self.execution_timeout.total_seconds(),
        )
        if self.deferrable:
            self.defer(
                trigger=CallbackTrigger(wait=wait.to_json(), notice=self.sending.notice),
                method_name="execute_complete",
            )
        event = asyncio.run(wait_for_answer(wait, look_from_task))
        return self._after_waiting(context, event)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger; without an event, as the next try of one that was lost while it deferred."""
        if event is None:
            return self.run_step(context)
        self._sending = CallbackStore(context).sending(self.record.token)
        return self._after_waiting(context, CallbackEvent.from_json(event))

    def _after_waiting(self, context: Context, event: CallbackEvent) -> Any:
        if self.step_run.was_killed:
            raise AirflowTaskTerminated(f"Step {self.task_id!r} was killed.")
        reply = event.reply or reply_left(self.mailbox_of(self.sending))
        replied, receipt = (None, None) if reply is None else (reply.answer, reply.receipt)
        # The endpoint may have taken an answer since: its worker was told that it counts.
        answer = CallbackStore(context).answer(self.sending.digest) or replied or event.answer
        if answer is not None:
            return self._finish(context, answer, receipt)
        if event.end is CallbackEnd.ANSWERED:
            self.log.warning("The answer is gone from Airflow's records: it is waited for again")
            return self.run_step(context)
        if event.end is CallbackEnd.TIMED_OUT:
            self.deliver(context)
            # Airflow calls on_kill for this exception, as for a time-out that it finds itself.
            raise AirflowTaskTimeout(
                f"Step {self.task_id!r}: no answer came, and the execution_timeout of {self.execution_timeout} is over."
            )
        if event.end is CallbackEnd.EXPIRED:
            limit = f"{self.settings.callback_timeout:g} s ([sagemaker_pipelines] callback_timeout)"
            self._fail(context, f"no answer came within {limit}.")
        url = self.settings.callback_reply_queue_url
        return self._fail(context, f"the reply queue {url} cannot be read: {event.seen}")

    def _finish(self, context: Context, answer: Answer, receipt: str | None = None) -> Any:
        CallbackStore(context).put_answer(self.sending.digest, answer)
        if receipt is not None:
            self._delete_reply(receipt)
        self.masking.learn(dict(answer.outputs))
        if not answer.succeeded:
            reason = answer.failure_reason or "it gave no reason"
            self._fail(context, f"the callback was answered with a failure: {reason}")
        try:
            outputs = typed_outputs(
                output_parameters(self.step), answer.outputs, "the answer to the callback", self.masking.is_secret
            )
        except OutputError as error:
            self._fail(context, str(error))
        self.deliver(context)
        return self.give(context, {"OutputParameters": outputs})

    def _delete_reply(self, receipt: str) -> None:
        url = self.settings.callback_reply_queue_url
        try:
            self.access.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError) as error:
            self.log.warning("The answer stays in the reply queue %s: %s", url, CallError.of(error))

    def _fail(self, context: Context, message: str) -> NoReturn:
        self.fail_attempt(context, StepFailure(f"Step {self.task_id!r} failed: {message}"))
