"""What the errors of an Invoke call mean for the function: whether it may have run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    ProxyConnectionError,
)

from airflow_sm_pipelines.aws.failures import is_connection_error

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

    from airflow_sm_pipelines.aws.failures import StepFailure

NOTHING_SENT = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)


class ThrottledCall(Exception):  # noqa: N818 # it may be no error yet
    """Lambda has throttled the call; ``failure`` is what the step fails with where it is not made again."""

    def __init__(self, failure: StepFailure) -> None:
        super().__init__(str(failure))
        self.failure = failure


def may_have_run(error: ClientError | BotoCoreError) -> bool:
    """Whether the function may have run: the connection was lost after the call was sent, or within the reply.

    With any other error it has not: Lambda said so, or nothing was sent, for want of credentials for instance.
    """
    lost = is_connection_error(error) and not isinstance(error, NOTHING_SENT)
    return lost or isinstance(error, IncompleteReadError)
