"""After which errors of its call a function may have run."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
    TokenRetrievalError,
)

from airflow_sm_pipelines.operators.lambda_calls import may_have_run

ADDRESS = "https://lambda.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ConnectionClosedError(endpoint_url=ADDRESS), True),
        (ReadTimeoutError(endpoint_url=ADDRESS), True),
        (ResponseStreamingError(error="reset"), True),
        (IncompleteReadError(actual_bytes=1, expected_bytes=2), True),
        (EndpointConnectionError(endpoint_url=ADDRESS), False),
        (ConnectTimeoutError(endpoint_url=ADDRESS), False),
        (NoCredentialsError(), False),
        (NoRegionError(), False),
        (TokenRetrievalError(provider="sso", error_msg="expired"), False),
        (ParamValidationError(report="no name"), False),
        (ClientError({"Error": {"Code": "ServiceException", "Message": "m"}}, "Invoke"), False),
    ],
)
def test_a_function_may_have_run_where_the_connection_was_lost_after_the_call(
    error: ClientError | BotoCoreError, expected: bool
) -> None:
    assert may_have_run(error) is expected
