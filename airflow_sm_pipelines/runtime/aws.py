"""AWS access: clients through the Amazon provider's hooks, so that the Airflow connection's credentials are used."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.config import Config
from botocore.exceptions import NoRegionError

from airflow_sm_pipelines.runtime.failures import StepFailure

if TYPE_CHECKING:
    from airflow_sm_pipelines.runtime.text import Json


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """How to reach AWS, in a form that a trigger's arguments can carry."""

    aws_conn_id: str | None
    region_name: str | None
    verify: bool | str | None
    botocore_config: dict[str, Any] | None

    def hook(self, service: str) -> AwsGenericHook[Any]:
        return AwsGenericHook(
            aws_conn_id=self.aws_conn_id,
            region_name=self.region_name,
            verify=self.verify,
            client_type=service,
            config=Config(**(self.botocore_config or {})),
        )

    def client(self, service: str) -> Any:
        """A boto3 client.

        :raises StepFailure: without a region, naming the three places where one can be set
        """
        try:
            return self.hook(service).get_conn()
        except NoRegionError:
            raise no_region(self.aws_conn_id) from None

    def to_json(self) -> dict[str, Json]:
        return {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }


class AwsIdentity:
    """The account and partition that the credentials belong to, asked for once and only when needed."""

    def __init__(self, access: AwsAccess) -> None:
        self._access = access

    @cached_property
    def _hook(self) -> AwsGenericHook[Any]:
        return self._access.hook("sagemaker")

    @cached_property
    def account(self) -> str:
        return str(self._hook.account_id)

    @cached_property
    def region(self) -> str:
        return str(self._hook.conn_region_name)

    @cached_property
    def partition(self) -> str:
        return str(self._hook.conn_partition)


def no_region(aws_conn_id: str | None) -> StepFailure:
    """The one error for a missing region."""
    return StepFailure(
        "No AWS region is set. Set one of: region_name of SageMakerPipelineDag (or [sagemaker_pipelines] region_name),"
        f" region_name in the extra of the Airflow connection {aws_conn_id!r}, or the environment variable"
        " AWS_DEFAULT_REGION."
    )
