"""Callback: a message to a queue, and the wait for its answer (semantics 2.11), as an Airflow task."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowRuntimeError
from typing_extensions import override

from airflow_sm_pipelines.callbacks.lifecycle import CallbackLifecycle, CallbackRun, MessageWait, request_template
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEvent
from airflow_sm_pipelines.callbacks.xcom_slots import look_from_task, reply_left
from airflow_sm_pipelines.jobs.admission import Admission
from airflow_sm_pipelines.jobs.deferral import settled_at
from airflow_sm_pipelines.jobs.job_labels import JobLabels
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.operators.life import LifeTry, as_airflow_has_it, kill
from airflow_sm_pipelines.operators.links import LINKS, ConsoleLinks
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.operators.task_ports import XComOutput, permits_of, task_try

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.callbacks.message import AnswerSlot, AnswerState
    from airflow_sm_pipelines.callbacks.reply import Reply
    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.step_types.adapter import Log


class XComPost:
    """The answer slots of a task, which are XComs of its own."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def leave(self, slot: AnswerSlot, answer_state: AnswerState) -> None:
        # Not with ti.xcom_push: a deployment's own XCom backend would put the value where the endpoint cannot find it.
        try:
            BaseXCom.set(value=answer_state.to_text(), **slot.address)
        except AirflowRuntimeError as error:
            if answer_state.state != "stopping":
                raise
            self._log.warning("The workers' answer to a step that is stopping will be refused: %s", error)

    async def look(self, slot: AnswerSlot) -> Any:
        return await look_from_task(slot)

    def reply_left(self, slot: AnswerSlot) -> Reply | None:
        return reply_left(slot)


class CallbackStepOperator(StepOperator):
    """A Callback step. Its result is ``{"OutputParameters": {name: value}}``, each value of its declared OutputType.

    The message has the service's form (token, pipelineExecutionArn, arguments, status), with a token of this step's
    own. The answer comes by the reply queue (``[sagemaker_pipelines] callback_reply_queue_url``), or by SageMaker's own
    calls to the endpoint in Airflow's API server (:mod:`airflow_sm_pipelines.server`). The first one counts.

    Token and message are on record before the message is sent, so a later try of the same attempt waits for the same
    token and sends nothing again. What cannot be had is a message that is never sent twice: where a try died, or the
    reply was lost, between the sending and its record, the next one sends it again with the same token. A FIFO queue
    drops the second.

    A killed step takes its message back by a second one, with the status Stopping. Each kill sends one:
    the killed try does where no other comes, else the next try, which knows whether it begins anew; where both are
    dead, the triggerer (:mod:`airflow_sm_pipelines.server.orphan_messages`).
    """

    operator_extra_links: Any = LINKS

    _try: LifeTry[CallbackLifecycle] | None = None

    @property
    def life(self) -> CallbackLifecycle:
        """The life of the step in this try."""
        if self._try is None:
            raise RuntimeError(f"the step {self.task_id} has not begun a try")
        return self._try.life

    @override
    def request_template(self) -> Object:
        return request_template(self.step)

    @override
    def begin_try(self, context: Context) -> LifeTry[CallbackLifecycle]:
        run = CallbackRun(task_try(context), self.parts(), **self.collaborators(context))
        admission = Admission(run, permits_of(context, self.log, may_defer=False))
        life = CallbackLifecycle(run, XComPost(self.log), self.execution_timeout, admission)
        self._try = LifeTry(life, context, ConsoleLinks(self.step_type.console, XComOutput(context)))
        life.begin()
        return self._try

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        return self.life.resolve(scope)

    @override
    def run_step(self, context: Context) -> Any:
        return self._live_on(self.life.submit_or_adopt)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger; without an event, as the next try of one that was lost while it deferred."""
        if event is None:
            return self.run_step(context)
        return self._live_on(lambda: self.life.resume(CallbackEvent.from_json(event)))

    def _live_on(self, live: Callable[[], Finished | MessageWait]) -> Any:
        outcome = as_airflow_has_it(live)
        while isinstance(outcome, MessageWait):
            self._show_queue()
            if self.deferrable:
                self.defer(trigger=self._trigger(outcome), method_name="execute_complete")
            outcome = as_airflow_has_it(partial(self.life.wait, outcome))
        return outcome.result

    def _trigger(self, wait: MessageWait) -> CallbackTrigger:
        run = self.life.run
        return CallbackTrigger(
            wait=wait.wait.to_json(),
            notice=wait.message,
            not_before=settled_at(run.clock.time(), run.settings.poll_interval),
            labels=JobLabels.of(run).to_json(),
        )

    def _show_queue(self) -> None:
        if self._try is not None:
            self._try.links.show(self.access.client("sqs"), {"QueueUrl": self.life.run.queue_url})

    def on_kill(self) -> None:
        """Tell the workers when the task has ended or its time is over, but not where another try comes."""
        if self._try is not None:
            kill(self._try, self.log)

    @property
    def link_addresses(self) -> Mapping[str, str]:
        """What the links of the task's page show, by their XCom keys."""
        return {} if self._try is None else self._try.links.addresses
