"""The life of a Callback step: send the message or adopt a sent one, wait for the answer, finish, take it back.

It holds no Airflow: the store, the answer's slot in XCom and the AWS clients are handed in. It keeps to the same
record, verdict on a kill and end of a try as the life of a job (:mod:`airflow_sm_pipelines.jobs.lifecycle`).
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError
from msgspec import Struct
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import CallError, ExceptionType, StepFailure, is_lost, type_of_call_error
from airflow_sm_pipelines.callbacks.encryption import UnsealError
from airflow_sm_pipelines.callbacks.message import (
    EXECUTING,
    AnswerSlot,
    AnswerState,
    CallbackMessage,
    digest_of,
    new_callback_token,
)
from airflow_sm_pipelines.callbacks.stopping import send_stopping
from airflow_sm_pipelines.callbacks.store import CallbackStore, SentMessage
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent, CallbackWait, wait_for_answer
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.admission import Admission
from airflow_sm_pipelines.jobs.kill_verdict import Awaited
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.step_lifecycle import Finished, StepLifecycle
from airflow_sm_pipelines.jobs.step_run import StepRun, StepTimedOut
from airflow_sm_pipelines.jobs.unanswered import until_answered
from airflow_sm_pipelines.step_types.stop_target import MessageTarget

if TYPE_CHECKING:
    from datetime import timedelta

    from airflow_sm_pipelines.callbacks.message import Answer
    from airflow_sm_pipelines.callbacks.reply import Reply
    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.record import StepRecord


SEND = "SendMessage"


class Post(Protocol):
    """The mailboxes of a task, in which its answers are left."""

    def leave(self, slot: AnswerSlot, answer_state: AnswerState) -> None:
        """Put how far the answer has come into a slot, in the place of what is in it."""

    async def look(self, slot: AnswerSlot) -> Any:
        """What is in a slot.

        :raises SlotUnreadableError: where that is not to be known for now
        """

    def reply_left(self, slot: AnswerSlot) -> Reply | None:
        """What the task's trigger has left that came by the reply queue."""


class MessageWait(Struct, frozen=True):
    """The message is sent, and this is what it takes to wait for its answer; ``message`` is the sealed message."""

    wait: CallbackWait
    message: str


class CallbackRun(StepRun):
    """One try of a Callback step. ``queue_url`` is where its message goes, once that is known."""

    queue_url = ""

    @override
    def stop_target_json(self) -> dict[str, Any]:
        return MessageTarget(self.aws.to_json()).to_json()


def request_template(step: Step) -> Object:
    """What a Callback step's message is made of."""
    return {"QueueUrl": step.settings.get("SqsQueueUrl"), "arguments": step.arguments}


class CallbackLifecycle(StepLifecycle):
    """One try of a Callback step.

    :param time_limit: the task's execution_timeout
    :param admission: when the message may be sent, which holds the worker: it is on record already, and nobody else
        knows whether it was sent
    """

    awaited = Awaited.ANSWER
    run: CallbackRun

    def __init__(
        self, run: CallbackRun, post: Post, time_limit: timedelta | None = None, admission: Admission | None = None
    ) -> None:
        self.run = run
        self._post = post
        self._time_limit = time_limit
        self._admission = admission or Admission(run)
        self._store = CallbackStore(run.store)
        self._message: CallbackMessage | None = None
        self._sent: SentMessage | None = None

    @property
    def sent(self) -> SentMessage:
        """The message on record."""
        if self._sent is None:
            raise RuntimeError(f"the step {self.run.task.task_id} has no message on record")
        return self._sent

    # Send or adopt ------------------------------------------------------------------------------------------

    def resolve(self, scope: TaskScope) -> Json:
        """Resolve the message; what the UI shows of it.

        :raises Exception: for what cannot be resolved
        """
        request = resolve_object(request_template(self.run.step), scope, keep_null=True)
        url, arguments = request["QueueUrl"], request["arguments"]
        if not isinstance(url, str) or not isinstance(arguments, dict):
            raise self.run.failure(f"its SqsQueueUrl is {url!r}, and no text.")
        self._message = CallbackMessage(url, new_callback_token(), scope.execution_arn, arguments)
        return {**request, "pipelineExecutionArn": scope.execution_arn, "status": EXECUTING}

    def submit_or_adopt(self) -> Finished | MessageWait:
        """Send the message, or go on with the one that an earlier try has sent."""
        run = self.run
        with self.recording_failures():
            self._sent = self._store.message(run.record.token)
            run.check_lost_tries()
            if self._sent is None:
                run.check_resolved()
                self._record_message()
            else:
                run.log.info("Going on with the token of an earlier try")
                if run.record.definition_digest != run.pipeline.digest:
                    run.log.warning("The definition has changed since: the answer to the message as sent is waited for")
                run.save()
            try:
                message = CallbackMessage.unseal(self.sent.message)
            except UnsealError as error:
                raise run.failure(f"its message on record cannot be read. {error}") from None
            if (answer := self._store.answer(self.sent.digest)) is not None:
                return Finished(self._finish(answer))
            # The place for the answer is there before the message that asks for it; a new try finds it emptied.
            self._post.leave(self._slot(self.sent), AnswerState(message.execution_arn))
            run.queue_url = message.queue_url
            if self.sent.sent_at is None:
                self._send(message)
        return MessageWait(self._wait(), self.sent.message)

    def _record_message(self) -> None:
        run = self.run
        if self._message is None:
            raise RuntimeError(f"the step {run.task.task_id} has not been resolved")
        digest = digest_of(self._message.token)
        run.save(run.record.named(digest))
        self._save(SentMessage(run.record.token, digest, self._message.seal()))

    def _save(self, sent: SentMessage) -> None:
        self._sent = sent
        self._store.put_message(sent)

    def _send(self, message: CallbackMessage) -> None:
        self._admission.admit(SEND)
        while True:
            try:
                self._send_once(message)
            except StepFailure as failure:
                if failure.exception_type is not ExceptionType.THROTTLING:
                    raise
                self._admission.throttled(SEND, failure)
            else:
                self._admission.taken(SEND)
                return

    def _send_once(self, message: CallbackMessage) -> None:
        run, request = self.run, message.request(EXECUTING)
        try:
            # There is no looking for a message; one that is sent again has the token of the first.
            problem = f"sqs:SendMessage to {message.queue_url} got no answer"
            until_answered(run, problem, lambda: run.aws.client_calling_once("sqs").send_message(**request))
        except (ClientError, BotoCoreError) as error:
            problem = f"sqs:SendMessage was refused. {CallError.of(error)}"
            raise run.failure(problem, type_of_call_error(error), outcome_unknown=is_lost(error)) from error
        self._save(replace(self.sent, sent_at=run.clock.time()))
        run.log.info("Sent the message to %s (attempt %d)", message.queue_url, run.record.attempt)

    def _slot(self, sent: SentMessage) -> AnswerSlot:
        task = self.run.task
        return AnswerSlot(sent.digest, task.dag_id, task.run_id, task.task_id, task.map_index)

    # Wait and finish ----------------------------------------------------------------------------------------

    def _wait(self) -> CallbackWait:
        settings, now = self.run.settings, self.run.clock.time()
        return CallbackWait(
            slot=self._slot(self.sent),
            access=self.run.aws,
            reply_queue_url=settings.callback_reply_queue_url,
            pace=PollPace(settings.poll_interval, settings.poll_interval_max),
            expires_at=(self.sent.sent_at or now) + settings.callback_timeout,
            deadline=None if self._time_limit is None else now + self._time_limit.total_seconds(),
        )

    def wait(self, wait: MessageWait) -> Finished | MessageWait:
        """Wait for the answer in the worker."""
        return self._after_waiting(asyncio.run(wait_for_answer(wait.wait, self._post.look)))

    def resume(self, event: CallbackEvent) -> Finished | MessageWait:
        """Go on where a trigger has waited for the answer."""
        self._sent = self._store.message(self.run.record.token)
        return self._after_waiting(event)

    def _after_waiting(self, event: CallbackEvent) -> Finished | MessageWait:
        run = self.run
        run.check_alive()
        reply = event.reply or self._post.reply_left(self._slot(self.sent))
        replied, receipt = (None, None) if reply is None else (reply.answer, reply.receipt)
        # The endpoint may have taken an answer since: its worker was told that it counts.
        answer = self._store.answer(self.sent.digest) or replied or event.answer
        if answer is None and event.end is CallbackEnd.ANSWERED:
            run.log.warning("The answer is gone from Airflow's records: it is waited for again")
            return self.submit_or_adopt()
        if answer is None and event.end is CallbackEnd.TIMED_OUT:
            run.close()
            what = f"Step {run.step.name!r}: no answer came, and the execution_timeout of"
            raise StepTimedOut(f"{what} {self._time_limit} is over.")
        with self.recording_failures():
            if answer is not None:
                return Finished(self._finish(answer, receipt))
            if event.end is CallbackEnd.EXPIRED:
                limit = f"{run.settings.callback_timeout:g} s ([sagemaker_pipelines] callback_timeout)"
                raise run.failure(f"no answer came within {limit}.")
            raise run.failure(f"the reply queue {run.settings.callback_reply_queue_url} cannot be read: {event.seen}")

    def _finish(self, answer: Answer, receipt: str | None = None) -> dict[str, Any]:
        run = self.run
        self._store.put_answer(self.sent.digest, answer)
        if receipt is not None:
            self._delete_reply(receipt)
        run.secrets.learn(dict(answer.outputs))
        if not answer.succeeded:
            reason = answer.failure_reason or "it gave no reason"
            raise run.failure(f"the callback was answered with a failure: {reason}")
        try:
            declared, source = output_parameters(run.step), "the answer to the callback"
            outputs = typed_outputs(declared, answer.outputs, source, run.secrets.is_secret)
        except OutputError as error:
            raise run.failure(str(error)) from None
        run.close()
        return run.secrets.publish({"OutputParameters": outputs}, readable_again=False).shown

    def _delete_reply(self, receipt: str) -> None:
        url = self.run.settings.callback_reply_queue_url
        try:
            self.run.aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError) as error:
            self.run.log.warning("The answer stays in the reply queue %s: %s", url, CallError.of(error))

    # Take back ----------------------------------------------------------------------------------------------

    @override
    def stop(self) -> None:
        """Tell the workers that the step is stopping; their answer then changes nothing."""
        if self._sent is not None:
            self._tell_stopping(self._sent)

    @override
    def stop_left_behind(self, left: StepRecord) -> None:
        sent = self._store.message(left.token)
        if sent is not None and self._store.answer(sent.digest) is None:
            self._tell_stopping(sent)

    def _tell_stopping(self, sent: SentMessage) -> None:
        slot = self._slot(sent)
        try:
            send_stopping(sent.message, self.run.aws, lambda answer_state: self._post.leave(slot, answer_state))
        except (UnsealError, StepFailure, ClientError, BotoCoreError) as error:
            self.run.log.error("The workers could not be told that the step is stopping: %r", error)
        else:
            self.run.log.info("The workers were told that the step is stopping")
