"""What the rows are made of that are faults of AWS: errors, reasons and kinds of rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.faults.cells import Expected, Row

ATTEMPTS_OF_A_CALL = 3
"""[sagemaker_pipelines] aws_max_attempts here, so that ten failing looks take four of them."""
THREE_HOURS = 10_800.0
JOB_SECONDS = 4.0
"""How long a job takes if nothing is said. A trigger that fires within a second or two of the step's deferral is a
matter of its own: Airflow's scheduler may then take the try that was deferred for one that died."""

THROTTLED = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 400}
FAULTY = {"code": "InternalFailure", "message": "An internal failure", "status": 500}
EXPIRED = {"code": "ExpiredTokenException", "message": "The security token is expired", "status": 400}
DENIED = {
    "code": "AccessDeniedException",
    "message": "User: x is not authorized to perform: sagemaker:AddTags on resource: y",
    "status": 400,
}
LIMIT = (
    "The account-level service limit 'ml.m5.large for processing job usage' is 0 Instances, with current utilization"
    " of 0 Instances and a request delta of 1 Instances. Please contact AWS support to request an increase."
)
UNAVAILABLE = "The requested resource training-job/ml.t3.medium is not available in this region"
WAITING_FOR_CAPACITY = "Insufficient capacity error from EC2 while launching instances, retrying!"

ALL_TYPES = (
    *("Step.SERVICE_FAULT", "Step.THROTTLING"),
    *("SageMaker.JOB_INTERNAL_ERROR", "SageMaker.CAPACITY_ERROR", "SageMaker.RESOURCE_LIMIT"),
)
TWICE_AS_LONG = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The delays of the service's default policy: from 1 s on, doubling."""


@dataclass(frozen=True, eq=False)
class AwsRow(Row):
    """A fault of AWS.

    ``faults`` are the endpoint's rules for the step's calls, ``jobs`` those for its jobs (without their names),
    ``policies`` the step's RetryPolicies. A step that is ``killed`` is marked failed while its job runs.
    """

    faults: tuple[Mapping[str, Any], ...] = ()
    jobs: tuple[Mapping[str, Any], ...] = ()
    policies: tuple[Mapping[str, Any], ...] = ()
    killed: bool = False


def policy(*types: str, interval: int = 1, retries: int = 2) -> dict[str, Any]:
    """A RetryPolicy with a steady delay."""
    return {"ExceptionType": [*types], "IntervalSeconds": interval, "BackoffRate": 1.0, "MaxAttempts": retries}


def hit(action: str, times: int, **what: Any) -> Mapping[str, Any]:
    """A rule of the endpoint for calls of an action on training jobs."""
    return {"service": "sagemaker", "action": f"{action}TrainingJob", "times": times, **what}


def fails_once(key: str, title: str, exception_type: str, reason: str) -> AwsRow:
    """A job that fails for a reason with a type, and whose second attempt succeeds."""
    return AwsRow(
        key,
        title,
        Expected(attempts=2, jobs=2, delays=(2.0,)),
        jobs=({"outcome": "Failed", "failure_reason": reason, "times": 1},),
        policies=(policy(exception_type, interval=2, retries=1),),
    )


def fails_for_good(key: str, title: str, reason: str) -> AwsRow:
    """A job that fails for a reason that no policy can name, though the step's policy names all there are."""
    return AwsRow(
        key,
        title,
        Expected(state="failed"),
        jobs=({"outcome": "Failed", "failure_reason": reason},),
        policies=(policy(*ALL_TYPES),),
    )


def limited(key: str, title: str, message: str) -> AwsRow:
    """A Create call that is refused once for a limit of the account."""
    return AwsRow(
        key,
        title,
        Expected(attempts=2, delays=(2.0,)),
        faults=(hit("Create", 1, error={"code": "ResourceLimitExceeded", "message": message, "status": 400}),),
        policies=(policy("SageMaker.RESOURCE_LIMIT", interval=2, retries=1),),
    )


SLOW_LOOK = hit("Describe", 1, delay=JOB_SECONDS)
AT_ONCE = ({"duration": 0},)
LONG = ({"duration": THREE_HOURS},)
