"""AWS access: clients through the Amazon provider's hooks, so that the Airflow connection's credentials are used."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import NoRegionError
from msgspec import field

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.aws.hook import ONCE, StepHook
from airflow_sm_pipelines.aws.opened_client import opened_client
from airflow_sm_pipelines.definition.frozen import LastFieldNotCompared

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from airflow_sm_pipelines.definition.syntax import Json


class AwsAccess(LastFieldNotCompared, frozen=True):
    """How to reach AWS, in a form that a trigger's arguments can carry."""

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None
    botocore_config: dict[str, Any] | None
    # A hook keeps its client: to make one takes longer than most calls.
    _hooks: dict[str, StepHook] = field(default_factory=dict)

    def hook(self, service: str) -> StepHook:
        """A new hook, which makes a client of its own."""
        return StepHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            client_type=service,
            config=Config(**(self.botocore_config or {})),
        )

    def client(self, service: str) -> Any:
        """The boto3 client of a service, the same at each call.

        :raises StepFailure: without a region, naming the three places where one can be set
        """
        with _saying_where_a_region_is_set(self):
            return self._kept_hook(service).get_conn()

    def client_calling_once(self, service: str) -> Any:
        """A service's client for calls that begin something: botocore makes them once (semantics 7.1).

        :raises StepFailure: without a region
        """
        with _saying_where_a_region_is_set(self):
            return self._kept_hook(service).calling_once

    @asynccontextmanager
    async def async_client(self, service: str) -> AsyncIterator[Any]:
        """An asynchronous client of a service, of its own."""
        async with AsyncExitStack() as closing:
            yield await opened_client(self.hook(service), closing)

    def calling_once(self, **config: Any) -> AwsAccess:
        """The same access for calls that must not be repeated by botocore; ``config`` is more of botocore's."""
        return self.configured({**(self.botocore_config or {}), **ONCE, **config})

    @property
    def region(self) -> str:
        """The region that clients are made for; no call is made.

        :raises StepFailure: where there is none
        """
        with _saying_where_a_region_is_set(self):
            return self.any_hook().region

    def renewed(self) -> AwsAccess:
        """The same access with clients of its own, whose credentials are looked for anew."""
        return self.configured(self.botocore_config)

    def configured(self, botocore_config: dict[str, Any] | None) -> AwsAccess:
        """The access of clients that have another configuration of botocore."""
        return AwsAccess(self.aws_conn_id, self.region_name, self.verify, botocore_config)

    @staticmethod
    def at(access: Mapping[str, Any]) -> AwsAccess:
        """Another access, of its JSON form."""
        return AwsAccess(**access)

    def any_hook(self) -> StepHook:
        """A hook that is there already, if one is: region and account are the same for all."""
        return next(iter(self._hooks.values()), None) or self._kept_hook("sagemaker")

    def _kept_hook(self, service: str) -> StepHook:
        if service not in self._hooks:
            self._hooks[service] = self.hook(service)
        return self._hooks[service]

    def to_json(self) -> dict[str, Json]:
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }


class AwsIdentity:
    """The account, region and partition that the credentials belong to, asked for only when needed."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access

    @property
    def account(self) -> str:
        with _saying_where_a_region_is_set(self._access):
            return str(self._access.any_hook().account_id)

    @property
    def region(self) -> str:
        return self._access.region

    @property
    def partition(self) -> str:
        with _saying_where_a_region_is_set(self._access):
            return self._access.any_hook().partition


@contextmanager
def _saying_where_a_region_is_set(access: AwsAccess) -> Iterator[None]:
    try:
        yield
    except NoRegionError:
        raise no_region(access.aws_conn_id) from None


def no_region(aws_conn_id: str | None) -> StepFailure:
    """The one error for a missing region."""
    return StepFailure(
        "No AWS region is set. Set one of: region_name of SageMakerPipelineDag (or [sagemaker_pipelines] region_name),"
        f" region_name in the extra of the Airflow connection {aws_conn_id!r}, or the environment variable"
        " AWS_DEFAULT_REGION."
    )
