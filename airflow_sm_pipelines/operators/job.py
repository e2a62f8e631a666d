"""The life of a job, once for all step types that run one: name, submit, adopt."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import (
    CONNECTION_ERRORS,
    CallError,
    ExceptionType,
    StepFailure,
    type_of_call_error,
)
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve, resolve_object
from airflow_sm_pipelines.jobs.identity import job_name
from airflow_sm_pipelines.jobs.job import is_existing, operation
from airflow_sm_pipelines.operators.additions import surrounded, without_unreachable_experiment
from airflow_sm_pipelines.operators.cache_link import CacheSourceLink
from airflow_sm_pipelines.operators.caching import cache_attributes, may_cache, reused
from airflow_sm_pipelines.operators.job_wait import WaitingJobOperator
from airflow_sm_pipelines.step_types.job_kind import JobState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.pipeline import PipelineFacts
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.settings import Settings


class JobStepOperator(WaitingJobOperator):
    """A step that runs one AWS job per attempt, deferrable or not.

    It stands before an operator of the Amazon provider, which it is an instance of, and takes the place of its
    ``execute``: the provider's creates a second job after a crash, leaves jobs running on kill, stops waiting after
    60 polls, takes a stopped job for a success when not deferred, and writes times as ``repr``.
    """

    # Whether the provider's operator takes its request as ``config``.
    takes_config: ClassVar[bool] = True
    # What the provider's operator demands and this class does not use: its own request says it all.
    provider_arguments: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    _name_is_new = False
    _cache_attributes: dict[str, str] | None = None
    cache_source_run: str | None = None

    def __init__(
        self, *, step: Step, pipeline: PipelineFacts, settings: Settings, deferrable: bool | None = None, **kwargs: Any
    ) -> None:
        unused: dict[str, Any] = {**({"config": {}} if self.takes_config else {}), **self.provider_arguments}
        super().__init__(step=step, pipeline=pipeline, settings=settings, **unused, **kwargs)
        self.config = {}
        self.deferrable = settings.deferrable if deferrable is None else deferrable
        if may_cache(step, self.step_type, settings):
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
        self.check_alive()
        client = self.access.client(self.kind.service)
        described = None
        if self.record.job_name and not self._name_is_new:
            described = self._left_by_earlier_try(context, client)
        if described is None or self.kind.state_of(described) is JobState.RUNNING:
            # A job that has ended has its result taken, however many tries it took.
            self.check_worker_deaths()
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
