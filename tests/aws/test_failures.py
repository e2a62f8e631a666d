"""Which of SageMaker's exception types a failure is."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
    SSLError,
)

from airflow_sm_pipelines.aws.failures import (
    ExceptionType,
    is_transient,
    type_of_call_error,
    type_of_failure_reason,
)

URL = "https://api.sagemaker.us-east-1.amazonaws.com"
CAPACITY, LIMIT, INTERNAL = (
    ExceptionType.CAPACITY_ERROR,
    ExceptionType.RESOURCE_LIMIT,
    ExceptionType.JOB_INTERNAL_ERROR,
)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionClosedError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL, error="no route"),
        ProxyConnectionError(proxy_url="http://proxy"),
        ReadTimeoutError(endpoint_url=URL),
        SSLError(endpoint_url=URL, error="handshake"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_connection_that_fails_is_a_fault_of_the_service(error: BotoCoreError) -> None:
    assert type_of_call_error(error) is ExceptionType.SERVICE_FAULT
    assert is_transient(error)


def test_what_fails_before_anything_is_sent_has_no_type() -> None:
    assert type_of_call_error(NoCredentialsError()) is None
    assert type_of_call_error(ParamValidationError(report="x")) is None


def test_a_request_that_is_refused_unsent_does_not_pass() -> None:
    assert not is_transient(ParamValidationError(report="x"))


@pytest.mark.parametrize(
    ("reason", "exception_type"),
    [
        ("CapacityError: Unable to provision requested ML compute capacity.", CAPACITY),
        ("There is not enough capacity for instance type ml.g6.2xlarge. Please try again later.", CAPACITY),
        ("InternalServerError: We encountered an internal error.  Please try again.", INTERNAL),
        ("ResourceLimitExceeded: The account-level service limit 'x' is 0 Instances", LIMIT),
        ("AlgorithmError: , exit code: 1", None),
        ("AlgorithmError: CapacityError raised by my own scheduler, exit code: 1", None),
        ("AlgorithmError: ExecuteUserScriptError: insufficient capacity in the queue", None),
        ("AlgorithmError: botocore ResourceLimitExceeded when calling CreateEndpoint", None),
        ("ClientError: Data download failed: NoSuchKey (404)", None),
    ],
)
def test_the_type_of_a_failed_job(reason: str, exception_type: ExceptionType | None) -> None:
    assert type_of_failure_reason(reason) is exception_type
