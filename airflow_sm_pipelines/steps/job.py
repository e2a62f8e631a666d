"""The life of a job, once for all step types that run one: name, submit, adopt, wait, stop, describe."""

from __future__ import annotations

import asyncio
import sys
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from typing_extensions import override

from airflow_sm_pipelines.catalog.kind import JobKind, JobState, member_at
from airflow_sm_pipelines.runtime.failures import (
    CONNECTION_ERRORS,
    CallError,
    ExceptionType,
    StepFailure,
    type_of_call_error,
    type_of_failure_reason,
)
from airflow_sm_pipelines.runtime.identity import job_name
from airflow_sm_pipelines.runtime.job import describe, is_ended, is_existing, operation
from airflow_sm_pipelines.runtime.results import to_result
from airflow_sm_pipelines.runtime.scope import JOB_KEY
from airflow_sm_pipelines.runtime.secrets import is_sensitive
from airflow_sm_pipelines.runtime.text import to_text
from airflow_sm_pipelines.runtime.trigger import JobTrigger
from airflow_sm_pipelines.runtime.values import resolve, resolve_object
from airflow_sm_pipelines.runtime.waiting import PollPace, WaitEnd, wait_for_job
from airflow_sm_pipelines.steps.base import StepOperator
from airflow_sm_pipelines.steps.killed import is_killed_by_user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.runtime.pipeline import PipelineFacts
    from airflow_sm_pipelines.runtime.scope import TaskScope
    from airflow_sm_pipelines.runtime.text import Json
    from airflow_sm_pipelines.settings import Settings


class JobStepOperator(StepOperator):
    """A step that runs one AWS job per attempt, deferrable or not.

    It stands before an operator of the Amazon provider, which it is an instance of, and replaces its ``execute``:
    the provider's creates a second job after a crash, leaves jobs running on kill, stops waiting after 60 polls,
    takes a stopped job for a success when not deferred, and writes times as ``repr``.
    """

    kind: JobKind
    trigger_class: type[JobTrigger] = JobTrigger
    # Whether the provider's operator takes its request as ``config``.
    takes_config: ClassVar[bool] = True
    # What the provider's operator demands and this class does not use: its own request says it all.
    provider_arguments: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init__(
        self, *, step: Step, pipeline: PipelineFacts, settings: Settings, deferrable: bool | None = None, **kwargs: Any
    ) -> None:
        unused: dict[str, Any] = {**({"config": {}} if self.takes_config else {}), **self.provider_arguments}
        super().__init__(step=step, pipeline=pipeline, settings=settings, **unused, **kwargs)
        self.deferrable = settings.deferrable if deferrable is None else deferrable
        self.config: dict[str, Json] = {}
        self._name_is_new = False
        self._job_in_flight: str | None = None
        self._was_killed = False
        self._context: Context | None = None

    def own_job_names(self) -> dict[str, str]:
        return {self.kind.variable: self.record.job_name} if self.kind.variable else {}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        if not self.record.job_name:
            self._name_job(scope)
            # The job's own name is known only now.
            scope = self.scope(context)
        request = resolve_object(self.step.arguments, scope)
        self.config = self.complete_request(request)
        return self.config

    def _name_job(self, scope: TaskScope) -> None:
        prefix = self.name_prefix()
        name, was_cut = job_name(
            scope.execution_id,
            self.step.name,
            self.record.token,
            self.record.failures,
            limit=self.kind.name_limit,
            # An empty prefix is none.
            prefix=(to_text(resolve(prefix, scope)) or None) if prefix is not None else None,
        )
        if was_cut:
            self.log.warning(
                "The name prefix in the Arguments of step %s was cut: %s", self.task_id, f"the job is named {name}"
            )
        self.amend(job_name=name)
        self._name_is_new = True

    def name_prefix(self) -> Value:
        """What the definition wants the job's name to begin with."""
        return self.step.arguments.get(self.kind.name_field)

    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        """Add what the service itself adds to the resolved Arguments: the generated name and a missing role."""
        completed = {**request, self.kind.name_field: self.record.job_name}
        if self.kind.role_field is not None and self.pipeline.role_arn is not None:
            completed.setdefault(self.kind.role_field, self.pipeline.role_arn)
        return completed

    def execute(self, context: Context) -> Any:
        """Create the job, or adopt the one that an earlier try left, and wait for it."""
        self._context = context
        self.check_worker_deaths()
        client = self.access.client(self.kind.service)
        described = None
        if self.record.job_name and not self._name_is_new:
            described = self._left_by_earlier_try(context, client)
        if described is None:
            self.check_resolved(context)
            self.prepare(context, client)
            # The intent is on record before the call: whatever dies from here on, the job can be found.
            self.save(context)
            self._submit(context, client)
        return self._wait(context, client, described)

    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        described = self._look(context, client)
        if described is not None:
            self.log.info("Going on with the %s %s of an earlier try", self.kind.noun, self.record.job_name)
            if self.record.definition_digest != self.pipeline.digest:
                self.log.warning("The definition has changed since: the job is waited for as it was submitted")
            self.save(context)
        return described

    def _look(self, context: Context, client: Any) -> dict[str, Any] | None:
        try:
            return describe(client, self.kind, self.record.job_name)
        except StepFailure as failure:
            self.fail_attempt(context, failure)

    def _submit(self, context: Context, client: Any) -> None:
        name = self.record.job_name
        self._job_in_flight = name
        try:
            self.create(context, client)
        except ParamValidationError as error:
            self.fail_attempt(context, StepFailure(f"{self._call_failed} {error}"))
        except ClientError as error:
            if is_existing(error):
                self.log.info("The %s %s exists: the reply to an earlier call was lost", self.kind.noun, name)
                return
            self._fail_call(context, error)
        except BotoCoreError as error:
            self._fail_call(context, error)
        else:
            self.log.info("Created the %s %s (attempt %d)", self.kind.noun, self.record.job_name, self.record.attempt)
            if self._was_killed:
                # The kill came while the call was under way, and found no job to stop.
                self._stop_job()

    def prepare(self, context: Context, client: Any) -> None:
        """Look at what is there before the intent to create is on record; the place to refuse, or to update."""

    def create(self, context: Context, client: Any) -> None:  # noqa: ARG002 # a package keeps its ARN
        """Make the Create call with the resolved request."""
        operation(client, self.kind.create)(**self.config)

    def _fail_call(self, context: Context, error: ClientError | BotoCoreError) -> NoReturn:
        exception_type = type_of_call_error(error)
        lost = isinstance(error, CONNECTION_ERRORS) or exception_type is ExceptionType.SERVICE_FAULT
        self.fail_attempt(
            context,
            StepFailure(f"{self._call_failed} {CallError.of(error)}", exception_type, outcome_unknown=lost),
        )

    @property
    def _call_failed(self) -> str:
        return f"Step {self.task_id!r} failed: {self.kind.service}:{self.kind.create} was refused."

    def _wait(self, context: Context, client: Any, described: dict[str, Any] | None) -> Any:
        name = self.record.job_name
        if described is None and (self.kind.usually_done or self.kind.status_field is None):
            described = self._look(context, client)
        if described is not None and self.kind.state_of(described) is not JobState.RUNNING:
            return self._end(context, described)
        self._job_in_flight = name
        deadline = None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()
        if self.deferrable:
            self._defer(deadline)
        end, seen = asyncio.run(wait_for_job(self.access, self.kind, name, self._pace, deadline=None))
        return self._after_waiting(context, end, seen)

    @property
    def _pace(self) -> PollPace:
        return PollPace(self.settings.poll_interval, self.settings.poll_interval_max)

    def _defer(self, deadline: float | None) -> NoReturn:
        self.defer(
            trigger=self.trigger_class(
                kind=self.kind.to_json(),
                job_name=self.record.job_name,
                access=self.access.to_json(),
                poll_interval=self._pace.interval,
                poll_interval_max=self._pace.longest,
                deadline=deadline,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() always raises")

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger."""
        self._context = context
        if event is None:
            raise StepFailure(f"Step {self.task_id!r} failed: its trigger fired without an event.")
        return self._after_waiting(context, WaitEnd(event["end"]), str(event["seen"]))

    def _after_waiting(self, context: Context, end: WaitEnd, seen: str) -> Any:
        if self._was_killed:
            raise AirflowTaskTerminated(f"Step {self.task_id!r} was killed, and its {self.kind.noun} {self._fate}.")
        name = self.record.job_name
        self._job_in_flight = name
        if end is WaitEnd.TIMED_OUT:
            self.deliver(context)
            # Airflow calls on_kill for this exception, as for a time-out that it finds itself.
            raise AirflowTaskTimeout(
                f"Step {self.task_id!r}: the {self.kind.noun} {name} {self._fate}, as the execution_timeout of"
                f" {self.execution_timeout} is over."
            )
        if end is WaitEnd.UNREADABLE:
            failure = StepFailure(
                f"Step {self.task_id!r} failed: the {self.kind.noun} {name} can no longer be looked at ({seen})."
                " It may still be running.",
                outcome_unknown=True,
            )
            self.fail_attempt(context, failure)
        described = self._look(context, self.access.client(self.kind.service))
        if described is None:
            self.fail_attempt(
                context, StepFailure(f"Step {self.task_id!r} failed: the {self.kind.noun} {name} is gone.")
            )
        return self._end(context, described)

    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        self._job_in_flight = None
        if self.kind.state_of(described) is JobState.FAILED:
            self._fail_job(context, described)
        try:
            result = to_result(self.result_of(described), is_sensitive)
        except (ClientError, BotoCoreError) as error:
            failure = StepFailure(
                f"Step {self.task_id!r} failed: the result of the {self.kind.noun} {self.record.job_name} could not be"
                f" read: {CallError.of(error)}",
                type_of_call_error(error),
                outcome_unknown=True,
            )
            self.fail_attempt(context, failure)
        self._push_job(context, described)
        self.deliver(context)
        return result

    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        """What the step's properties are read from; more AWS calls may be made for it."""
        return described

    def _push_job(self, context: Context, described: dict[str, Any]) -> None:
        context["ti"].xcom_push(
            key=JOB_KEY,
            value={
                "job_name": self.record.job_name,
                "job_arn": member_at(described, self.kind.arn_field),
                "attempt": self.record.attempt,
                "step_type": self.step.type,
                **({"asked_with": self.kind.asked_with} if self.kind.asked_with else {}),
            },
        )

    def reason_of(self, described: dict[str, Any]) -> str:
        """Why a job failed, in AWS's words."""
        return str(member_at(described, self.kind.reason_field) or "AWS gives no reason")

    def _fail_job(self, context: Context, described: dict[str, Any]) -> NoReturn:
        reason = self.reason_of(described)
        detail = described.get("SecondaryStatus")
        status = self.kind.status_of(described)
        failure = StepFailure(
            f"Step {self.task_id!r} failed: the {self.kind.noun} {self.record.job_name} (attempt"
            f" {self.record.attempt}) ended as {status}{f' ({detail})' if detail not in (None, status) else ''}:"
            f" {reason}",
            type_of_failure_reason(reason),
        )
        self._push_job(context, described)
        self.fail_attempt(context, failure)

    @override
    def abandon(self) -> None:
        self._job_in_flight = self.record.job_name
        self._stop_job()

    def on_kill(self) -> None:
        """Stop the job when the task is killed or its time is over, but not when its worker is shut down."""
        timed_out = isinstance(sys.exception(), AirflowTaskTimeout)
        if not timed_out and self._context is not None and not is_killed_by_user(self._context, self.record):
            self.log.info("The worker is shut down: the %s goes on, and the next try waits for it", self.kind.noun)
            return
        self._was_killed = True
        self._stop_job()

    @property
    def _fate(self) -> str:
        return "goes on (AWS has no call that stops it)" if self.kind.stop is None else "is stopped"

    def _stop_job(self) -> None:
        name = self._job_in_flight
        if name is None:
            return
        if self.kind.stop is None:
            self.log.info("The %s %s %s", self.kind.noun, name, self._fate)
            return
        try:
            operation(self.access.client(self.kind.service), self.kind.stop)(**self.kind.stopped_by(name))
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and is_ended(error):
                self.log.info("The %s %s had ended already", self.kind.noun, name)
            else:
                self.log.error("The %s %s could not be stopped and may go on: %s", self.kind.noun, name, error)
        else:
            self.log.info("The %s %s was asked to stop", self.kind.noun, name)
