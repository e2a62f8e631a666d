"""An AWS client for a long wait: its credentials may expire meanwhile."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from airflow_sm_pipelines.aws.failures import EXPIRED_CREDENTIALS_CODES, CallError
from airflow_sm_pipelines.aws.opened_client import opened_client

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess


class RenewedClient:
    """An asynchronous client, made when it is needed, and made anew after its credentials have expired."""

    def __init__(self, access: AwsAccess, service: str) -> None:
        self._access = access
        self._service = service
        self._opened = AsyncExitStack()
        self._client: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._opened.aclose()

    async def get(self) -> Any:
        """The client, which keeps its place until its credentials have expired."""
        if self._client is None:
            self._client = await opened_client(self._access.hook(self._service), self._opened)
        return self._client

    async def discard_if_expired(self, error: Exception) -> None:
        """Close the client after an error that says that its credentials have expired."""
        if isinstance(error, ClientError) and CallError.of(error).code in EXPIRED_CREDENTIALS_CODES:
            self._client = None
            await self._opened.aclose()
