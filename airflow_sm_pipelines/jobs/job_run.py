"""One try of a step that runs a job: what the job's life and the adapter of its type work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import (
    EXPIRED_CREDENTIALS_CODES,
    CallError,
    JobUnreachable,
    StepFailure,
    is_transient,
)
from airflow_sm_pipelines.aws.s3_files import S3File, read_file
from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.expressions.json_text import read_json
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.enrich_request import execution_arn_for
from airflow_sm_pipelines.jobs.job import describe, look_for
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.step_run import StepRun
from airflow_sm_pipelines.step_types.adapter import JobAdapter

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.failures import ExceptionType
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.jobs.observers import JobObserver
    from airflow_sm_pipelines.jobs.record import StepRecord
    from airflow_sm_pipelines.jobs.step_run import StepParts, TaskTry
    from airflow_sm_pipelines.step_types.job_kind import JobKind
    from airflow_sm_pipelines.step_types.step_type import StepType

T = TypeVar("T")
Scopes = Callable[["StepRecord", Mapping[str, str]], "TaskScope"]
"""Gives the scope of a record's attempt, with the values of ``Execution.TrainingJobName`` and its like."""

# How long a worker is held by Describe calls that fail, before the try is given up and a later one looks.
DESCRIBE_RETRY_SECONDS = 300.0


class StepJobRun(StepRun):
    """One try of a step that runs a job; the ``JobRun`` of its adapter.

    ``request`` is the resolved request of the Create call, empty until it is resolved. ``name_is_new`` says that this
    try has named the job, ``name_is_given`` that the name is the user's own.
    """

    def __init__(
        self,
        task: TaskTry,
        parts: StepParts,
        *,
        scopes: Scopes,
        observers: Sequence[JobObserver] = (),
        **collaborators: Any,
    ) -> None:
        super().__init__(task, parts, **collaborators)
        self.step_type: StepType = parts.step_type
        self.request: dict[str, Any] = {}
        self.name_is_new = self.name_is_given = False
        self.observers = tuple(observers)
        self._scopes = scopes
        self._scope: tuple[str, TaskScope] | None = None
        self.adapter = (self.step_type.adapter or JobAdapter)(self)

    @property
    def kind(self) -> JobKind:
        return self.adapter.kind

    @property
    def access(self) -> dict[str, Any]:
        return self.aws.to_json()

    @property
    def call_errors(self) -> tuple[type[ClientError], type[BotoCoreError]]:
        return ClientError, BotoCoreError

    @property
    def role_arn(self) -> str | None:
        return self.pipeline.role_arn

    @property
    def pace(self) -> PollPace:
        return PollPace(self.settings.poll_interval, self.settings.poll_interval_max)

    @property
    def pause(self) -> float:
        return self.settings.poll_interval

    # What is resolved ---------------------------------------------------------------------------------------

    def scope(self) -> TaskScope:
        """The scope of the attempt; it knows the job's name once the job is named."""
        name, variable = self.record.job_name, self.kind.variable
        if self._scope is None or self._scope[0] != name:
            self._scope = name, self._scopes(self.record, {variable: name} if variable else {})
        return self._scope[1]

    @property
    def execution_id(self) -> str:
        return self.scope().execution_id

    def execution_arn(self, request: Mapping[str, Any]) -> str | None:
        return execution_arn_for(self, request, self.scope())

    def resolve(self, value: Value) -> Any:
        return resolve(value, self.scope())

    def resolve_text(self, value: Value) -> str:
        found = self.resolve(value)
        return "" if found is None else to_text(found)

    # AWS ----------------------------------------------------------------------------------------------------

    def client(self, service: str | None = None) -> Any:
        return self.aws.client(service or self.kind.service)

    def client_calling_once(self) -> Any:
        return self.aws.client_calling_once(self.kind.service)

    def check_place(self, uri: str) -> None:
        if (refusal := self.settings.allowed.refuse_s3(uri)) is not None:
            raise self.failure(f"{refusal}.")

    def read_file(self, uri: str) -> S3File | None:
        self.check_place(uri)
        try:
            return read_file(self.client("s3"), uri, self.settings.max_json_file_size)
        except UnresolvedError as error:
            raise self.failure(str(error)) from None

    def read_json(self, text: bytes) -> Any:
        return read_json(text)

    def describe(self) -> dict[str, Any] | None:
        kind, name = self.kind, self.record.job_name
        problem = f"the {kind.noun} {name} could not be looked at"
        return self.retry_transient(problem, lambda: look_for(self.client(), kind, name))

    def describe_once(self) -> dict[str, Any] | None:
        try:
            return describe(self.client(), self.kind, self.record.job_name)
        except StepFailure as unknown:
            # Nothing is on record yet, and an unknown outcome must not put it there.
            raise StepFailure(str(unknown), unknown.exception_type) from unknown

    def retry_transient(self, problem: str, look: Callable[[], T]) -> T:
        """What a look at the job gives; one that fails in passing is made again, with the pauses of the waiting.

        No retry policy is asked about a job that goes on: where the errors stay, the try is lost, and what does not
        pass fails the step.

        :param problem: what could not be done, for the message of a failure
        :raises JobUnreachable: where the errors stay
        """
        errors, until = 0, self.clock.monotonic() + DESCRIBE_RETRY_SECONDS
        while True:
            try:
                return look()
            except (ClientError, BotoCoreError) as error:
                said = CallError.of(error)
                if not is_transient(error):
                    raise self.failure(f"{problem}: {said}", outcome_unknown=True) from error
                errors += 1
                pause = self.pace.after(errors)
                if self.clock.monotonic() + pause > until:
                    minutes = f"{DESCRIBE_RETRY_SECONDS / 60:g} min"
                    raise JobUnreachable(
                        f"Step {self.step.name!r}: {problem} for {minutes}, and a later try looks: {said}"
                    ) from error
                self.log.warning("For now %s, which is tried again in %g s: %s", problem, pause, said)
                if said.code in EXPIRED_CREDENTIALS_CODES:
                    self.renew_access()
            self.clock.sleep(pause)
            self.check_alive()

    # The record ---------------------------------------------------------------------------------------------

    def identify(self, **identifiers: str) -> None:
        self.change(self.record.identified(identifiers))

    def rename(self, job_name: str) -> None:
        self.change(self.record.named(job_name))

    def accept(self) -> None:
        self.save(self.record.accepted())

    def forget_cache_key(self) -> None:
        self.change(self.record.cached_under(None))

    @override
    def stop_target_json(self) -> dict[str, Any]:
        target = self.adapter.stop_target()
        return {} if target is None else target.to_json()

    # The end ------------------------------------------------------------------------------------------------

    def job_failure(
        self,
        message: str,
        exception_type: ExceptionType | None = None,
        *,
        outcome_unknown: bool = False,
        job_stopped: bool = False,
        with_log: bool = True,
    ) -> StepFailure:
        """A failure of the step by what its job did, with the console's address and the end of the job's log."""
        notes = self._notes(with_log=with_log)
        return self.failure(
            message, exception_type, outcome_unknown=outcome_unknown, job_stopped=job_stopped, notes=notes
        )

    def with_notes(self, message: str, *, with_log: bool) -> str:
        """A message with what the observers have to say of the job below it."""
        return "\n".join((message, *self._notes(with_log=with_log)))

    def _notes(self, *, with_log: bool) -> list[str]:
        return [note for observer in self.observers for note in observer.failure_notes(self, with_log=with_log)]

    # Time ---------------------------------------------------------------------------------------------------

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)

    def monotonic(self) -> float:
        return self.clock.monotonic()
