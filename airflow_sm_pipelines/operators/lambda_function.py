"""Lambda: the invocation of a function (semantics 2.10)."""

from __future__ import annotations

import base64
import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from airflow.providers.amazon.aws.hooks.lambda_function import LambdaHook
from airflow.providers.amazon.aws.operators.lambda_function import LambdaInvokeFunctionOperator
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import (
    CallError,
    ExceptionType,
    JobUnreachable,
    StepFailure,
    type_of_call_error,
)
from airflow_sm_pipelines.definition.settings import output_parameters
from airflow_sm_pipelines.expressions.json_text import JsonLimitError, JsonTextError, read_json, shown
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.jobs.admission import Admission, Held
from airflow_sm_pipelines.jobs.unanswered import until_answered
from airflow_sm_pipelines.operators.lambda_calls import NOTHING_SENT, ThrottledCall, may_have_run
from airflow_sm_pipelines.operators.links import LINKS, ConsoleLinks, log_note
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.operators.task_ports import XComOutput, permits_of
from airflow_sm_pipelines.pace.trigger import PAUSED
from airflow_sm_pipelines.step_types.lambda_function import MAX_RUN_SECONDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

MAX_CONNECT_SECONDS = 60
RESULT_STORE_KEY = "sagemaker_lambda_result"
INVOKE = "Invoke"


class LambdaStepOperator(StepOperator, LambdaInvokeFunctionOperator):
    """A Lambda step. Its result is ``{"OutputParameters": {name: value}}``, each value of its declared OutputType.

    The event is the resolved Arguments, with their JSON types. The call waits for the function (RequestResponse), for
    at most ten minutes, and holds its worker meanwhile.

    The function is invoked at most once per attempt, as far as that can be had: botocore makes the call once, and that
    it is about to be made is on record before. What cannot be had is to learn what became of an invocation whose
    reply was lost, or to end one: a function goes on after the ten minutes, a kill, or the death of the worker, up to
    its own timeout. So a lost reply fails the step, and so does the try that follows a worker's death, unless the
    step's own RetryPolicies name Step.SERVICE_FAULT: then the function is invoked again. What Lambda answers with an
    error before the function ran (throttling, faults of the service) is retried as by every step: a throttled call is
    made again for ``throttle_patience`` seconds, with pauses that hold no worker.
    """

    aws_hook_class = LambdaHook  # type: ignore[assignment] # of the base class, whose hook is SageMaker's

    operator_extra_links: Any = LINKS
    provider_arguments = MappingProxyType({"function_name": "", "invocation_type": "RequestResponse"})
    runs_provider_init = False

    _log = ""
    _links: ConsoleLinks | None = None
    # What is held over a pause.
    _held = Held()

    @property
    def link_addresses(self) -> Mapping[str, str]:
        """What the links of the task's page show, by their XCom keys."""
        return {} if self._links is None else self._links.addresses

    @override
    def request_template(self) -> Object:
        return {"FunctionName": self.step.settings.get("FunctionArn"), "Payload": self.step.arguments}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        request = resolve_object(self.request_template(), scope, keep_null=True)
        function = request["FunctionName"]
        if not isinstance(function, str):
            raise StepFailure(f"Step {self.step.name!r} failed: its FunctionArn is {function!r}, and no text.")
        self.function_name = function
        self.payload = json.dumps(request["Payload"])
        return request

    @override
    def run_step(self, context: Context) -> Any:
        self.check_lost_tries()
        if self.record.job_name:
            stored = self.step_run.load_state(RESULT_STORE_KEY)
            if isinstance(stored, dict) and stored["token"] == self.record.token:
                self.log.info("An earlier try has the function's answer: it is taken")
                return self._finish(context, stored["result"])
            self._check_repeatable(context)
        self.check_resolved(context)
        result: Any = {"OutputParameters": self._outputs(context, self._invoked(context))}
        self.step_run.save_state(RESULT_STORE_KEY, {"token": self.record.token, "result": result})
        return self._finish(context, result)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from a pause; without an event, as the next try of one that was lost in it."""
        self._held = Held.from_json(event[PAUSED]) if event is not None else Held()
        return self.begin_step(context, has_capacity=True)

    def _invoked(self, context: Context) -> Json:
        """The function's answer. A call that Lambda has throttled is made again."""
        run = self.step_run
        parts = self.function_name.split(":")
        account = parts[4] if self.function_name.startswith("arn:") and len(parts) > 4 else None
        permits = permits_of(context, self.log, may_defer=self.deferrable)
        admission = Admission(run, permits, account=lambda: account, may_pause=self.deferrable)
        admission.held = self._held
        pause = admission.admit(INVOKE)
        while pause is None:
            # On record before the call: no later try invokes the function unknowingly.
            run.save(self.record.named(self.function_name))
            try:
                answer = self._invoke(context)
            except ThrottledCall as throttled:
                # Nothing was invoked, so a later try may do so.
                run.save(self.record.named(""))
                try:
                    pause = admission.throttled(INVOKE, throttled.failure)
                except StepFailure as failure:
                    run.save(self.record.named(self.function_name))
                    self.fail_attempt(context, failure)
            else:
                admission.taken(INVOKE)
                return answer
        return self.pause(pause)

    def _finish(self, context: Context, result: Any) -> Any:
        name = self.record.job_name
        context["ti"].xcom_push(
            key=JOB_KEY,
            value={
                "job_name": name,
                "job_arn": name if name.startswith("arn:") else None,
                "attempt": self.record.attempt,
                "step_type": self.step.type,
            },
        )
        self.deliver(context)
        return self.give(context, result)

    @property
    def _may_repeat(self) -> bool:
        """Whether the step's own policies allow to invoke a function again that may have run."""
        fault = ExceptionType.SERVICE_FAULT.value
        policies = [policy for policy in self.step.retry_policies or () if fault in policy.exception_types]
        # The first that names a type decides.
        return bool(policies) and policies[0].max_attempts != 0

    def _check_repeatable(self, context: Context) -> None:
        if self._may_repeat:
            self.log.warning("The function is invoked again: an earlier try died before it had the answer")
            return
        self.fail_attempt(
            context,
            StepFailure(
                f"Step {self.step.name!r} failed: an earlier try was lost after it had begun to invoke"
                f" {self.record.job_name}. The function may have run, so it is not invoked again. Clear the task to do"
                " so, or give the step a retry policy for Step.SERVICE_FAULT if the function may run twice."
            ),
        )

    def _client(self) -> Any:
        """A client that makes a call once, and waits for as long as a function may take."""
        config = {
            "read_timeout": MAX_RUN_SECONDS,
            "connect_timeout": MAX_CONNECT_SECONDS,
            # Nothing is sent while a function runs, and what stands between may forget a silent connection.
            "tcp_keepalive": True,
        }
        return self.access.calling_once(**config).client("lambda")

    def _invoke(self, context: Context) -> Json:
        self.log.info("Invoking the function %s (attempt %d)", self.function_name, self.record.attempt)
        self._links = ConsoleLinks(self.step_type.console, XComOutput(context))
        try:
            client = self._client()
            self._links.show(client, self._place_values())
            response = until_answered(
                self.step_run,
                f"lambda:Invoke of {self.function_name} could not be sent",
                lambda: client.invoke(
                    FunctionName=self.function_name,
                    InvocationType=self.invocation_type,
                    Payload=self.payload,
                    # With the answer comes the end of the function's log, for which no permission is needed.
                    **({"LogType": "Tail"} if self.settings.log_tail_lines > 0 else {}),
                ),
                is_unanswered=lambda error: isinstance(error, NOTHING_SENT),
            )
            payload = response["Payload"].read()
        except (ClientError, BotoCoreError) as error:
            self._fail_call(context, error)
        except JobUnreachable:
            # Nothing was sent, so a later try may invoke the function.
            self.step_run.save(self.record.named(""))
            raise
        answer = self._decoded(context, payload)
        # Before the function's log is shown, which may say what it answered.
        self.masking.learn(answer)
        self._log = base64.b64decode(response.get("LogResult", "")).decode("utf-8", "replace")
        if response.get("FunctionError"):
            message = f"the function {self.function_name} ended with an error: {_error_text(answer)}"
            self._fail(context, message, notes=self._notes(self._links))
        for line in self._log.splitlines():
            self.log.info("%s", line)
        return answer

    def _place_values(self) -> Mapping[str, str]:
        parts = self.function_name.split(":")
        # A name, a partial or a whole ARN, each with or without a qualifier.
        return {"name": parts[parts.index("function") + 1] if "function" in parts else parts[0]}

    def _notes(self, links: ConsoleLinks) -> Sequence[str]:
        """What a failure's message says of the function: the console's address, and the end of its log."""
        count = self.settings.log_tail_lines
        lines = [line for line in self._log.splitlines() if line.strip()][-count:]
        return (*links.note, *log_note(links.log_place(self._place_values()), count, lambda: (lines, None)))

    def _fail_call(self, context: Context, error: ClientError | BotoCoreError) -> NoReturn:
        if not may_have_run(error):
            message = f"lambda:Invoke was refused. {CallError.of(error)}"
            exception_type = type_of_call_error(error)
            if exception_type is ExceptionType.THROTTLING:
                raise ThrottledCall(self._failure(message, exception_type)) from error
            self._fail(context, message, exception_type)
        if isinstance(error, ReadTimeoutError):
            message = (
                f"the function {self.function_name} did not answer within {MAX_RUN_SECONDS // 60} minutes, which is"
                " as long as a Lambda step may take. It may still be running."
            )
            self._fail(context, message)
        message = f"the reply of the function {self.function_name} was lost, and it may have run: {CallError.of(error)}"
        self._fail(context, message, ExceptionType.SERVICE_FAULT if self._may_repeat else None)

    def _decoded(self, context: Context, payload: bytes) -> Json:
        """A function's answer; one that is no JSON (of a custom runtime) is its text."""
        try:
            return read_json(payload) if payload else None
        except JsonLimitError as error:
            if output_parameters(self.step):
                self._fail(context, f"the answer of the function {self.function_name} cannot be read: {error}.")
            return None
        except JsonTextError:
            return payload.decode("utf-8", "replace")

    def _outputs(self, context: Context, answer: Json) -> dict[str, Json]:
        source = f"the function {self.function_name}"
        declared = output_parameters(self.step)
        if declared and not isinstance(answer, dict):
            listed = ", ".join(declared)
            self._fail(context, f"{source} answered with no object, and the outputs {listed} are declared.")
        try:
            given = answer if isinstance(answer, dict) else {}
            return typed_outputs(declared, given, source, self.masking.is_secret)
        except OutputError as error:
            self._fail(context, str(error))

    def _fail(
        self, context: Context, message: str, exception_type: ExceptionType | None = None, notes: Sequence[str] = ()
    ) -> NoReturn:
        self.fail_attempt(context, self._failure(message, exception_type, notes))

    def _failure(
        self, message: str, exception_type: ExceptionType | None = None, notes: Sequence[str] = ()
    ) -> StepFailure:
        below = "".join(f"\n{note}" for note in notes)
        text = f"Step {self.step.name!r} failed: {message}{below}"
        return StepFailure(text, exception_type, note_lines=below.count("\n"))


def _error_text(answer: Json) -> str:
    """The error of a function in its own words."""
    if isinstance(answer, dict) and "errorMessage" in answer:
        kind = answer.get("errorType")
        return f"{kind}: {answer['errorMessage']}" if kind else str(answer["errorMessage"])
    return shown(answer)
