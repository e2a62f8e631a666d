"""The Amazon provider's hook, without what it does to name its caller, and with a client that makes each call once."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from airflow.sdk.exceptions import AirflowNotFoundException
from asgiref.sync import sync_to_async
from botocore.config import Config
from botocore.exceptions import UnknownRegionError
from typing_extensions import override

from airflow_sm_pipelines.aws.counted_calls import count_calls
from airflow_sm_pipelines.aws.missing_connection import ConnectionNotFoundError
from airflow_sm_pipelines.aws.model_loader import model_loader

if TYPE_CHECKING:
    from airflow.sdk import Connection

CALLER = "SageMakerPipelineDag"
ONCE = {"retries": {"mode": "standard", "total_max_attempts": 1}}
"""botocore's configuration for calls that it must not repeat."""
IN_CONNECTION = (
    *("login", "password", "schema", "extra_config", "region_name", "verify", "profile_name", "endpoint_url"),
    *("aws_access_key_id", "aws_secret_access_key", "aws_session_token"),
    *("role_arn", "assume_role_method", "assume_role_kwargs", "service_config"),
)
"""What of an Airflow connection counts for a client."""


class StepHook(AwsGenericHook[Any]):
    """The hook by which steps, triggers and the sweep make their clients."""

    # The provider goes on without a connection that was named: with the machine's credentials, in whatever account.
    @override
    @classmethod
    def get_connection(cls, conn_id: str) -> Connection:
        """Read a connection.

        :raises ConnectionNotFoundError: where another one than ``aws_default`` is not found
        :raises AirflowNotFoundException: where ``aws_default`` is not found
        """
        try:
            return super().get_connection(conn_id)
        except AirflowNotFoundException:
            if conn_id == cls.default_conn_name:
                raise
            raise ConnectionNotFoundError(conn_id=conn_id) from None

    @cached_property
    def calling_once(self) -> Any:
        """A second client, which makes each call once."""
        return self.get_client_type(region_name=self.region_name, config=self.config.merge(Config(**ONCE)))

    @cached_property
    def fingerprint(self) -> str:
        """Equal for connections that say the same. The first time it reads the connection, which may block."""
        said = [getattr(self.conn_config, name, None) for name in IN_CONNECTION]
        return hashlib.sha256(repr(said).encode()).hexdigest()

    async def read_fingerprint(self) -> str:
        """The same, for an event loop: the connection is read in the thread in which the provider reads it."""
        return await sync_to_async(lambda: self.fingerprint)()

    @property
    def has_connection(self) -> bool:
        """Whether Airflow has found the connection. Without ``aws_default`` the provider takes boto3's own credentials
        and region.

        Where Airflow cannot ask for it just now, it says that there is none.

        :raises ConnectionNotFoundError: where another connection was named, and is not found
        """
        return self.conn_config.conn_type is not None

    @property
    def assumes_role(self) -> bool:
        """Whether the connection's own credentials only serve to assume a role."""
        return bool(self.conn_config.role_arn)

    @property
    def region(self) -> str:
        """The region of its clients. The provider's ``conn_region_name`` makes a client to say so: 0.1 s and more."""
        return str(self.config.region_name or self._session.region_name or self.conn_region_name)

    @property
    def partition(self) -> str:
        """The partition of that region, likewise; ``aws`` for a region that no partition knows, as a client has it."""
        try:
            return str(self._session.get_partition_for_region(self.region))
        except UnknownRegionError:
            return "aws"

    @cached_property
    def _session(self) -> Any:
        session = super().get_session(region_name=self.region_name)
        # botocore's own session, which has the loader: boto3's gives no way to it.
        _share_models(session._session)
        count_calls(session.events)
        return session

    @override
    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        # Of one session botocore reads the model of a service once for both clients.
        if not deferrable:
            return self._session
        session: Any = super().get_session(region_name, deferrable)
        _share_models(session)
        count_calls(session.get_component("event_emitter"))
        return session

    @override
    async def get_async_conn(self) -> Any:
        """What opens an asynchronous client: an asynchronous context manager."""
        return await super().get_async_conn()  # type: ignore[no-untyped-call] # the provider's is not annotated

    # The provider walks the whole stack to find the operator's name for the user agent: a tenth of a
    # second in each task's process. Where a later provider asks otherwise, this has no effect.
    @override
    def _get_caller(self, target_function_name: str = "execute") -> str:
        return CALLER


def _share_models(session: Any) -> None:
    """Let a session of botocore read the models of services, and its list of regions, once for the whole process."""
    session.register_component("data_loader", model_loader(session.get_config_variable("data_path")))
