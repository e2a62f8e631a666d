"""The life of a job, once for all step types that run one: name, submit, adopt, wait."""

from __future__ import annotations

import asyncio
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk.exceptions import AirflowTaskTerminated, AirflowTaskTimeout
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from typing_extensions import override

from airflow_sm_pipelines.catalog.kind import JobState
from airflow_sm_pipelines.runtime.failures import (
    CONNECTION_ERRORS,
    CallError,
    ExceptionType,
    StepFailure,
    type_of_call_error,
)
from airflow_sm_pipelines.runtime.identity import job_name
from airflow_sm_pipelines.runtime.job import is_existing, operation
from airflow_sm_pipelines.runtime.text import to_text
from airflow_sm_pipelines.runtime.trigger import JobTrigger
from airflow_sm_pipelines.runtime.values import resolve, resolve_object
from airflow_sm_pipelines.runtime.waiting import PollPace, WaitBounds, WaitEnd, wait_for_job
from airflow_sm_pipelines.steps.additions import surrounded, without_unreachable_experiment
from airflow_sm_pipelines.steps.cache_link import CacheSourceLink
from airflow_sm_pipelines.steps.caching import cache_attributes, may_cache, reused
from airflow_sm_pipelines.steps.lineage_facets import LineageOperator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.runtime.pipeline import PipelineFacts
    from airflow_sm_pipelines.runtime.scope import TaskScope
    from airflow_sm_pipelines.runtime.text import Json
    from airflow_sm_pipelines.settings import Settings


class JobStepOperator(LineageOperator):
    """A step that runs one AWS job per attempt, deferrable or not.

    It stands before an operator of the Amazon provider, which it is an instance of, and takes the place of its
    ``execute``: the provider's creates a second job after a crash, leaves jobs running on kill, stops waiting after
    60 polls, takes a stopped job for a success when not deferred, and writes times as ``repr``.
    """

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
        self._name_is_new = False
        self._cache_attributes: dict[str, str] | None = None
        self.cache_source_run: str | None = None
        if may_cache(step, settings):
            self.operator_extra_links = (*self.operator_extra_links, CacheSourceLink())

    def own_job_names(self) -> dict[str, str]:
        return {self.kind.variable: self.record.job_name} if self.kind.variable else {}

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        if not self.record.job_name:
            self._name_job(scope)
            # The job's own name is known only now.
            scope = self.scope(context)
        request = resolve_object(self.step.arguments, scope)
        self._cache_attributes = cache_attributes(self, request, scope)
        self.config = surrounded(self, self.complete_request(request), context, scope, tell=self._name_is_new)
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

    def run_step(self, context: Context) -> Any:
        """Create the job, or adopt the one that an earlier try left, and wait for it."""
        self._context = context
        self.check_worker_deaths()
        client = self.access.client(self.kind.service)
        described = None
        if self.record.job_name and not self._name_is_new:
            described = self._left_by_earlier_try(context, client)
        if described is None:
            self.check_resolved(context)
            self.amend(cache_attributes=self._cache_attributes)
            if self._name_is_new and not self.record.failures and (result := reused(self, context, client)) is not None:
                return result
            self.prepare(context, client)
            self.config = without_unreachable_experiment(self, client, self.config)
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
        self.show_links(context, client)
        if described is None and (self.kind.usually_done or self.kind.status_field is None):
            described = self._look(context, client)
        if described is not None and self.kind.state_of(described) is not JobState.RUNNING:
            return self._end(context, described)
        self._job_in_flight = name
        # Airflow raises in a task that runs for too long, once; a callback of the event loop may swallow that.
        deadline = None if self.execution_timeout is None else time.time() + self.execution_timeout.total_seconds()
        bounds = WaitBounds(deadline, self.settings.stopping_slack)
        if self.deferrable:
            self._defer(bounds)
        end, seen = asyncio.run(wait_for_job(self.access, self.kind, name, self._pace, bounds, self.log_tail()))
        return self._after_waiting(context, client, end, seen)

    @property
    def _pace(self) -> PollPace:
        return PollPace(self.settings.poll_interval, self.settings.poll_interval_max)

    def _defer(self, bounds: WaitBounds) -> NoReturn:
        self.defer(
            trigger=self.trigger_class(
                kind=self.kind.to_json(),
                job_name=self.record.job_name,
                access=self.access.to_json(),
                poll_interval=self._pace.interval,
                poll_interval_max=self._pace.longest,
                deadline=bounds.deadline,
                slack=bounds.slack,
            ),
            method_name="execute_complete",
        )
        raise AssertionError("defer() always raises")

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Come back from the trigger.

        Without an event, no trigger fired: Airflow has resumed the next try of one that it took for dead just as that
        one deferred. That try finds the job.
        """
        if event is None:
            return self.run_step(context)
        self._context = context
        # What is killed, or out of time, from here on has a job to stop.
        self._job_in_flight = self.record.job_name
        client = self.access.client(self.kind.service)
        self.show_links(context, client)
        return self._after_waiting(context, client, WaitEnd(event["end"]), str(event["seen"]))

    def _after_waiting(self, context: Context, client: Any, end: WaitEnd, seen: str) -> Any:
        if self._was_killed:
            raise AirflowTaskTerminated(f"Step {self.task_id!r} was killed, and its {self.kind.noun} {self._fate}.")
        name = self.record.job_name
        self._job_in_flight = name
        if end is WaitEnd.TIMED_OUT:
            self.deliver(context)
            # Airflow calls on_kill for this exception, as for a time-out that it finds itself.
            raise AirflowTaskTimeout(
                self.with_console(
                    f"Step {self.task_id!r}: the {self.kind.noun} {name} {self._fate}, as the execution_timeout of"
                    f" {self.execution_timeout} is over."
                )
            )
        if end is WaitEnd.UNREADABLE:
            message = (
                f"Step {self.task_id!r} failed: the {self.kind.noun} {name} can no longer be looked at ({seen})."
                " It may still be running."
            )
            self.fail_attempt(context, StepFailure(self.with_places(message), outcome_unknown=True))
        if end is WaitEnd.OUTLIVED:
            self._fail_outlived(context, seen)
        described = self._look(context, client)
        if described is None:
            self.fail_attempt(
                context, StepFailure(f"Step {self.task_id!r} failed: the {self.kind.noun} {name} is gone.")
            )
        return self._end(context, described)
