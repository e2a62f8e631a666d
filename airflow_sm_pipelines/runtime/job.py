"""What AWS knows of a job: its kind as data, and looking at it."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.runtime.failures import CallError, StepFailure, type_of_call_error

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.runtime.aws import AwsAccess
    from airflow_sm_pipelines.runtime.text import Json

MISSING_CODES = frozenset({"ResourceNotFound", "ResourceNotFoundException"})
MISSING_MESSAGE = re.compile(r"not found|could not find|can't find|cannot find|does not exist", re.IGNORECASE)
EXISTING_CODES = frozenset({"ResourceInUse", "ResourceInUseException", "ConflictException"})
EXISTING_MESSAGE = re.compile(r"already exist", re.IGNORECASE)


class JobState(Enum):
    """What a job's status means for its step."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobKind:
    """What makes one kind of AWS job different, as data that a trigger's arguments can carry.

    ``create``, ``describe`` and ``stop`` are boto3 method names; ``name_field`` is the request's field for the
    generated name (of at most ``name_limit`` characters) and ``describe_field`` the one by which Describe and Stop
    are asked. ``status_field`` is None for what is done when the Create call returns; ``usually_done`` marks what can
    be looked at once before it is waited for. ``role_field`` takes the
    pipeline's role where the Arguments give none. ``variable`` is the ``Execution.<variable>`` that holds the
    name. ``console`` is the path of the job's page in the SageMaker console.
    """

    noun: str
    create: str
    describe: str
    stop: str | None
    name_field: str
    describe_field: str
    arn_field: str
    status_field: str | None
    succeeded: tuple[str, ...] = ("Completed",)
    failed: tuple[str, ...] = ("Failed", "Stopped")
    service: str = "sagemaker"
    name_limit: int = 63
    role_field: str | None = "RoleArn"
    reason_field: str = "FailureReason"
    variable: str | None = None
    usually_done: bool = False
    console: str | None = None

    def to_json(self) -> dict[str, Json]:
        members = asdict(self)
        return {name: list(value) if isinstance(value, tuple) else value for name, value in members.items()}

    @classmethod
    def from_json(cls, members: Mapping[str, Any]) -> JobKind:
        arguments: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in members.items()
        }
        return cls(**arguments)

    def state_of(self, described: Mapping[str, Any]) -> JobState:
        """What a Describe response says; a status that is in no list is still running."""
        if self.status_field is None:
            return JobState.SUCCEEDED
        status = described.get(self.status_field)
        if status in self.succeeded:
            return JobState.SUCCEEDED
        return JobState.FAILED if status in self.failed else JobState.RUNNING

    def status_of(self, described: Mapping[str, Any]) -> str:
        return str(described.get(self.status_field, "")) if self.status_field else "created"


def is_missing(error: ClientError) -> bool:
    """Whether a Describe call says that there is no such job (the codes differ between kinds)."""
    said = CallError.of(error)
    return said.code in MISSING_CODES or (said.code == "ValidationException" and _matches(MISSING_MESSAGE, said))


def is_existing(error: ClientError) -> bool:
    """Whether a Create call says that the name is taken already."""
    said = CallError.of(error)
    return said.code in EXISTING_CODES or (said.code == "ValidationException" and _matches(EXISTING_MESSAGE, said))


def is_ended(error: ClientError) -> bool:
    """Whether a Stop call says that there is nothing left to stop."""
    return CallError.of(error).code == "ValidationException" or is_missing(error)


def _matches(pattern: re.Pattern[str], said: CallError) -> bool:
    return pattern.search(said.message) is not None


def describe(client: Any, kind: JobKind, name: str) -> dict[str, Any] | None:
    """A job's Describe response, or None where there is no such job.

    :raises StepFailure: when AWS cannot say; the job, if there is one, goes on
    """
    try:
        return cast("dict[str, Any]", getattr(client, kind.describe)(**{kind.describe_field: name}))
    except ClientError as error:
        if is_missing(error):
            return None
        raise _unknown(kind, name, error) from error
    except BotoCoreError as error:
        raise _unknown(kind, name, error) from error


def _unknown(kind: JobKind, name: str, error: ClientError | BotoCoreError) -> StepFailure:
    return StepFailure(
        f"The {kind.noun} {name} could not be looked at: {CallError.of(error)}",
        type_of_call_error(error),
        outcome_unknown=True,
    )


def describe_job(access: AwsAccess, job: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the job that a step's ``sagemaker`` XCom names, its secrets included."""
    kind = JobKind.from_json(job["kind"])
    described = describe(access.client(kind.service), kind, str(job["job_name"]))
    if described is None:
        raise StepFailure(f"The {kind.noun} {job['job_name']} is gone, and a value of it is needed.")
    return described
