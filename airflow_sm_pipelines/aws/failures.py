"""Failures with a type: which of SageMaker's exception types a failure is, so that a retry policy can name it.

The codes and texts are those of semantics 7; what none of them names has no type, and no policy can retry it.

botocore is imported where an error is looked at: ``lint`` reads the step types, which are given failures, without it.
"""

from __future__ import annotations

import re
from copy import copy
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.text import storable

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError


class ExceptionType(Enum):
    """The exception types that a step's RetryPolicies can name."""

    SERVICE_FAULT = "Step.SERVICE_FAULT"
    THROTTLING = "Step.THROTTLING"
    JOB_INTERNAL_ERROR = "SageMaker.JOB_INTERNAL_ERROR"
    CAPACITY_ERROR = "SageMaker.CAPACITY_ERROR"
    RESOURCE_LIMIT = "SageMaker.RESOURCE_LIMIT"
    EMR_RESOURCE_LIMIT = "Emr.RESOURCE_LIMIT"


# Older documents write these for the types above.
SYNONYMS = {"SageMaker.JOB_CAPACITY_ERROR": ExceptionType.CAPACITY_ERROR.value}

THROTTLING_CODES = frozenset(
    {
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "BandwidthLimitExceeded",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
    }
)
FAULT_CODES = frozenset(
    {"InternalFailure", "InternalServerError", "InternalServerException", "ServiceUnavailable", "InternalError"}
)
EXPIRED_CREDENTIALS_CODES = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidClientTokenId", "UnrecognizedClientException"}
)
# How the reasons begin that say in the user's own words what the user's own code did.
USERS_OWN_REASON = re.compile(r"\s*AlgorithmError")
INTERNAL_ERROR_REASON = re.compile(r"\s*(ClientError:\s*)?InternalServerError")
CAPACITY_REASON = re.compile(
    r"CapacityError|not enough capacity|insufficient (instance )?capacity|unable to provision requested ml compute",
    re.IGNORECASE,
)
LIMIT_REASON = re.compile(r"ResourceLimitExceeded|service limit .* is ", re.IGNORECASE)


class StepFailure(Exception):  # noqa: N818 # a step's failure is an outcome, whoever's error it was
    """A step failed: the ``message`` is for who reads the task's log, the ``exception_type`` for its retry policies.

    ``outcome_unknown`` marks one after which a job may run: a call whose reply was lost, a job that cannot be looked
    at. The next try must look for it before creating one; where none follows, it is stopped. ``job_stopped`` marks that
    of a job that AWS says was stopped. ``handled_by`` are the children of a ForEach step that ran upon the failures of
    others, where some did upon each. The last ``note_lines`` lines of the message are not the reason but notes on it:
    the console's address, the end of the job's log.
    """

    def __init__(
        self,
        message: str,
        exception_type: ExceptionType | None = None,
        *,
        outcome_unknown: bool = False,
        job_stopped: bool = False,
        handled_by: tuple[str, ...] = (),
        note_lines: int = 0,
    ) -> None:
        # AWS's words, and others', are in it: they go to the log, and to XCom.
        super().__init__(storable(message))
        self.exception_type = exception_type
        self.outcome_unknown = outcome_unknown
        self.job_stopped = job_stopped
        self.handled_by = handled_by
        self.note_lines = note_lines

    @property
    def headline(self) -> str:
        """The reason, whole, in one line."""
        lines = str(self).split("\n")
        kept = lines[: len(lines) - self.note_lines] or lines
        return " ".join(filter(None, (line.strip() for line in kept)))

    def in_words(self, message: str) -> StepFailure:
        """The same failure with another message."""
        if message == str(self):
            return self
        other = copy(self)
        other.args = (storable(message),)
        return other


class RunRefused(StepFailure):
    """The run cannot start as it was asked for: nothing of it has run, and what handles failures has none to handle."""


class StepNotBegun(StepFailure):
    """What the step waits for has not succeeded, and a task of it ran all the same: the step has come to no end."""


class JobUnreachable(StepFailure):
    """A job could not be looked at for as long as a worker waits for that, through errors that pass.

    The job goes on. So this is no failure for the retry policies: the try counts as lost, as with a worker's death.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message, ExceptionType.SERVICE_FAULT, outcome_unknown=True)


def type_of_call_error(error: ClientError | BotoCoreError) -> ExceptionType | None:
    """The type of an error that an AWS call answered with, or for which it could not be made."""
    from botocore.exceptions import ClientError

    from airflow_sm_pipelines.aws.missing_connection import ConnectionNotFoundError

    if not isinstance(error, ClientError):
        passes = is_connection_error(error) or isinstance(error, ConnectionNotFoundError)
        return ExceptionType.SERVICE_FAULT if passes else None
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    message = error.response.get("Error", {}).get("Message", "")
    if code in THROTTLING_CODES or "Rate exceeded" in message:
        return ExceptionType.THROTTLING
    if code in ("ResourceLimitExceeded", "LimitExceededException"):
        return ExceptionType.RESOURCE_LIMIT
    if CAPACITY_REASON.search(message):
        return ExceptionType.CAPACITY_ERROR
    if code in FAULT_CODES or status >= 500:
        return ExceptionType.SERVICE_FAULT
    return None


def is_connection_error(error: Exception) -> bool:
    """Whether AWS could not be connected to, or the connection was lost after that."""
    from botocore.exceptions import ConnectionError as NoConnectionError
    from botocore.exceptions import HTTPClientError

    # The bases of all there are.
    return isinstance(error, NoConnectionError | HTTPClientError)


def is_lost(error: ClientError | BotoCoreError) -> bool:
    """Whether a call may have taken effect though it failed: its reply was lost, or the service failed in it."""
    from botocore.exceptions import ClientError

    answered = isinstance(error, ClientError)
    return type_of_call_error(error) is ExceptionType.SERVICE_FAULT if answered else is_connection_error(error)


def type_of_failure_reason(reason: str) -> ExceptionType | None:
    """The type of a job that was created and ended in failure, by its FailureReason.

    What the user's own code said has none, whatever it said.
    """
    if USERS_OWN_REASON.match(reason):
        return None
    if INTERNAL_ERROR_REASON.match(reason):
        return ExceptionType.JOB_INTERNAL_ERROR
    if CAPACITY_REASON.search(reason):
        return ExceptionType.CAPACITY_ERROR
    if LIMIT_REASON.search(reason):
        return ExceptionType.RESOURCE_LIMIT
    return None


def is_transient(error: Exception) -> bool:
    """Whether a call that only looks at a job may be made again: the job itself goes on meanwhile."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        return code in EXPIRED_CREDENTIALS_CODES or type_of_call_error(error) in (
            ExceptionType.SERVICE_FAULT,
            ExceptionType.THROTTLING,
        )
    if isinstance(error, ParamValidationError):
        return False
    return isinstance(error, BotoCoreError | OSError | TimeoutError)


class CallError(Struct, frozen=True):
    """An AWS error, its ``code`` and ``message`` in the words of AWS: ``CallError.of(error)`` of one of botocore."""

    code: str
    message: str

    @classmethod
    def of(cls, error: ClientError | BotoCoreError) -> CallError:
        """The code and message of an answer of AWS; of an error without one, its class and text."""
        from botocore.exceptions import ClientError

        if isinstance(error, ClientError):
            details = error.response.get("Error", {})
            return cls(details.get("Code", ""), details.get("Message", ""))
        return cls(type(error).__name__, str(error))

    def __str__(self) -> str:
        return f"{self.code}: {self.message}" if self.code else self.message
