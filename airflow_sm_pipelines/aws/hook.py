"""The Amazon provider's hook, without what it does to name its caller, and with a client that makes each call once."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook
from botocore.config import Config
from botocore.exceptions import UnknownRegionError
from typing_extensions import override

CALLER = "SageMakerPipelineDag"
ONCE = {"retries": {"mode": "standard", "total_max_attempts": 1}}
"""botocore's configuration for calls that it must not repeat."""


class StepHook(AwsGenericHook[Any]):
    """The hook by which steps, triggers and the sweep make their clients."""

    @cached_property
    def calling_once(self) -> Any:
        """A second client, which makes each call once."""
        return self.get_client_type(region_name=self.region_name, config=self.config.merge(Config(**ONCE)))

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
        return super().get_session(region_name=self.region_name)

    @override
    def get_session(self, region_name: str | None = None, deferrable: bool = False) -> Any:
        # Of one session botocore reads the model of a service once for both clients.
        return super().get_session(region_name, deferrable) if deferrable else self._session

    # The provider walks the whole stack to find the operator's name for the user agent: a tenth of a
    # second in each task's process. Where a later provider asks otherwise, this has no effect.
    @override
    def _get_caller(self, target_function_name: str = "execute") -> str:
        return CALLER
