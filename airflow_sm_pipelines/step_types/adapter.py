"""What differs between the types of steps that run a job: the extension point for a step type of one's own.

The life of a job (:mod:`airflow_sm_pipelines.jobs.lifecycle`) is the same for all of them, and asks the adapter of the
step's type where they differ. :class:`JobAdapter` itself is driven by the type's ``JobKind`` alone, which is all that
most types need. An adapter of one's own is a subclass, named by the ``adapter`` of its ``StepType``. It holds no
Airflow: what it works with is the :class:`JobRun` that it is made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.failures import CallError, StepFailure, is_lost, type_of_call_error
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.member_paths import member_at
from airflow_sm_pipelines.step_types.stop_target import JobTarget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.aws.failures import ExceptionType
    from airflow_sm_pipelines.aws.s3_files import S3File
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.step_types.stop_target import StopTarget


class Log(Protocol):
    """The log of the step's task."""

    def info(self, event: str, *args: Any) -> Any:
        """What is to be known."""

    def warning(self, event: str, *args: Any) -> Any:
        """What may be wrong."""

    def error(self, event: str, *args: Any) -> Any:
        """What is wrong."""


class AttemptRecord(Protocol):
    """What is on record of the step's current attempt."""

    @property
    def token(self) -> str:
        """Random, and new for each attempt."""

    @property
    def job_name(self) -> str:
        """The name of the attempt's job."""

    @property
    def identifiers(self) -> Mapping[str, str]:
        """What AWS itself has named of the attempt, by the names that the API has for it."""

    @property
    def started_at(self) -> float:
        """When the step's first try began, in epoch seconds."""

    @property
    def submitted(self) -> bool:
        """Whether AWS has answered the attempt's call."""


class Console(Protocol):
    """The addresses of the AWS console's pages; None where there is no such page."""

    def log(self, group: str, streams: str) -> str | None:
        """A CloudWatch log group, of which the streams are shown whose names begin so."""

    def s3_folder(self, uri: str) -> str | None:
        """A folder in S3 by its ``s3://`` address."""


class JobRun(Protocol):
    """One try of a step that runs a job: what an adapter knows, and what it can do.

    ``request`` is the resolved request of the Create call, empty until it is resolved. ``name_is_given`` says that
    the job's name is the user's own. ``role_arn`` is the pipeline's role, ``pause`` the seconds between two calls that
    look whether something has changed.
    """

    step: Step
    step_type: StepType
    request: dict[str, Any]
    name_is_given: bool
    log: Log

    @property
    def record(self) -> AttemptRecord:
        """What is on record of the attempt."""

    @property
    def access(self) -> dict[str, Any]:
        """How AWS is reached, in its JSON form."""

    @property
    def call_errors(self) -> tuple[type[ClientError], type[BotoCoreError]]:
        """The errors of a client's call: of what AWS answers with, and of what keeps it from answering."""

    @property
    def role_arn(self) -> str | None: ...
    @property
    def pause(self) -> float: ...
    @property
    def execution_id(self) -> str:
        """The 12 characters that are the execution's id."""

    def execution_arn(self, request: Mapping[str, Any]) -> str | None:
        """The execution's ARN, as a request has it; None where the account is not known."""

    def client(self, service: str | None = None) -> Any:
        """A boto3 client, of the job's own service unless another is named."""

    def client_calling_once(self) -> Any:
        """A client of the job's service that makes each call once, for calls that begin something (semantics 7.1)."""

    def check_place(self, uri: str) -> None:
        """Fail the step where the deployment does not allow to read or write at an S3 URI."""

    def read_file(self, uri: str) -> S3File | None:
        """A file in S3 that has the size which the deployment allows, or None where there is none.

        :raises ClientError, BotoCoreError: where it cannot be read
        """

    def read_json(self, text: bytes) -> Any:
        """The value that a JSON text writes.

        :raises ValueError: for a text that is no JSON, or none that can be read
        """

    def resolve(self, value: Value) -> Any:
        """A value of the definition as it is in this run, in its JSON form.

        :raises Exception: for what cannot be resolved; let it pass
        """

    def resolve_text(self, value: Value) -> str:
        """A value of the definition as text, as Join writes it; of null the empty text."""

    def check_resolved(self) -> None:
        """Fail the step with what kept its request from being resolved, if anything did."""

    def describe(self) -> dict[str, Any] | None:
        """The job's Describe response, or None where AWS has no such job. Passing errors are waited out."""

    def describe_once(self) -> dict[str, Any] | None:
        """:meth:`describe` without waiting; an error is a failure after which no job can be running."""

    def failure(
        self, message: str, exception_type: ExceptionType | None = None, *, outcome_unknown: bool = False
    ) -> StepFailure:
        """A failure of the step, to be raised. ``outcome_unknown`` says that a job may run all the same."""

    def job_failure(
        self, message: str, exception_type: ExceptionType | None = None, *, with_log: bool = True
    ) -> StepFailure:
        """A failure of the step by what its job did, with the console's address and the end of the job's log."""

    def identify(self, **identifiers: str) -> None:
        """Keep what AWS has named of the attempt; it is on record after :meth:`save`."""

    def rename(self, job_name: str) -> None:
        """Keep what AWS calls the job; it is on record after :meth:`save`."""

    def accept(self) -> None:
        """Record that AWS has answered the attempt's call."""

    def forget_cache_key(self) -> None:
        """Let no later run reuse this result."""

    def save(self) -> None:
        """Write the record."""

    def load_state(self, key: str) -> Any:
        """What the step keeps under a key of its own beside its record, None where there is nothing."""

    def save_state(self, key: str, value: Any) -> None:
        """Keep something beside the record, as JSON."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def monotonic(self) -> float:
        """Seconds of a clock that is never set."""


class JobAdapter:
    """What differs by step type in the life of a job; one is made for each try.

    Every method may raise ``self.run.failure(...)``, which fails the step; ``run`` is the try that it is made for. An
    error of botocore is reported as what it is: in :meth:`create` as a refused call, while the request is made as a
    request that could not be resolved.
    """

    taken_name_is_own = True
    """Whether a name that AWS says is taken is the attempt's own, taken by a Create call whose reply was lost."""
    adopts_as_submitted = True
    """Whether a later try waits for what an earlier one has submitted whatever the definition says now."""

    def __init__(self, run: JobRun) -> None:
        self.run = run

    @property
    def kind(self) -> JobKind:
        """The kind of the job, with what AWS has named of this one so far."""
        kind = self.run.step_type.used_with(self.run.step.arguments).kind
        if kind is None:
            raise TypeError(f"a step of type {self.run.step_type.name} runs no job")
        return kind

    # The request --------------------------------------------------------------------------------------------

    def name_prefix(self) -> Value:
        """What the definition wants the job's name to begin with, None for nothing."""
        return self.run.step.arguments.get(self.kind.name_field)

    def resolve_settings(self) -> None:
        """Resolve what the step has beside its Arguments, before these are resolved."""

    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """Add to the resolved Arguments what the service itself adds: the generated name, and a missing role."""
        kind = self.kind
        completed = {**request, kind.name_field: self.run.record.job_name}
        if kind.role_field is not None and self.run.role_arn is not None:
            completed.setdefault(kind.role_field, self.run.role_arn)
        return completed

    def finish_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """The request as it is sent, once the pipeline's tags and experiment are in it."""
        return request

    def shown_request(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the UI shows as the step's request."""
        return request

    # The submission -----------------------------------------------------------------------------------------

    def find(self) -> dict[str, Any] | None:
        """The Describe response of the job that an earlier call of the attempt has made; None for it to be made."""
        return self.run.describe()

    def prepare(self) -> None:
        """Look at what is there before the submission is on record: the place to refuse, or to decide on an update."""

    def create(self) -> None:
        """Make the Create call with the resolved request.

        It is made by ``self.run.client_calling_once()``. Where AWS does not answer, :meth:`find` is asked, and this is
        called again where that finds nothing; so it goes on from what is on record.
        """
        operation(self.run.client_calling_once(), self.kind.create)(**self.run.request)

    @property
    def create_call(self) -> str:
        """The call that :meth:`create` makes, for the message that it was refused."""
        return self.kind.create

    def refusal(self, error: ClientError | BotoCoreError) -> StepFailure:
        """The failure of a Create call that AWS has refused, or whose reply was lost."""
        from botocore.exceptions import ParamValidationError

        said = str(error) if isinstance(error, ParamValidationError) else CallError.of(error)
        message = f"{self.kind.service}:{self.create_call} was refused. {said}"
        return self.run.failure(message, type_of_call_error(error), outcome_unknown=is_lost(error))

    def confirm(self) -> None:
        """Make sure, after the Create call, of what is needed to wait for the job."""

    # The end ------------------------------------------------------------------------------------------------

    def check_end(self, described: dict[str, Any]) -> None:
        """Fail the step for what the state of a job that has ended does not say."""

    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        """What the step's properties are read from, of a job that has succeeded; it may make more calls."""
        return described

    def failed_result(self, described: dict[str, Any]) -> dict[str, Any]:
        """What is left of a job that has failed, for a step that runs upon that: its description, in the form of the
        step's result. It makes no calls."""
        return described

    def reason(self, described: dict[str, Any]) -> str | None:
        """Why a job failed, in AWS's words; None where AWS gives no reason."""
        found = member_at(described, self.kind.reason_field)
        return str(found) if found else None

    def keep_result(self, result: dict[str, Any]) -> None:
        """Keep what :meth:`leftover` takes with it and a later try may need."""

    def leftover(self) -> StopTarget | None:
        """What is stopped when the attempt has ended, however it ended: what was made for this job alone."""
        return None

    # The stop -----------------------------------------------------------------------------------------------

    def stop_target(self) -> StopTarget | None:
        """What is stopped when the task is killed; None while AWS has not said what that takes."""
        return JobTarget(self.kind, self.run.record.job_name, self.run.access)

    def locate(self) -> None:
        """Ask AWS for what :meth:`stop_target` lacks, where the reply to the Create call did not come."""

    # The console --------------------------------------------------------------------------------------------

    def console_values(self) -> dict[str, str]:
        """What the names in the type's console locations stand for."""
        texts = {name: value for name, value in self.run.request.items() if isinstance(value, str)}
        return {**texts, **self.run.record.identifiers, "name": self.run.record.job_name}

    def log_address(self, console: Console) -> str | None:  # noqa: ARG002 # for types whose log is elsewhere
        """The console's page of a log that is not at the type's console location."""
        return None
