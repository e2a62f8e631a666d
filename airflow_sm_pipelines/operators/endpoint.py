"""Endpoint: CreateEndpoint or UpdateEndpoint (semantics 2.16, 14.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointOperator
from typing_extensions import override

from airflow_sm_pipelines.operators.deployment import DeploymentOperator
from airflow_sm_pipelines.step_types.endpoint import KIND, UPDATE

CONFIG_FIELD = "EndpointConfigName"


class EndpointStepOperator(DeploymentOperator, SageMakerEndpointOperator):
    """An Endpoint step. Its result is the DescribeEndpoint response.

    An update keeps the endpoint's own tags: UpdateEndpoint takes none.
    """

    kind = KIND
    update = UPDATE
    only_on_create = ("Tags",)

    @override
    def difference(self, described: Mapping[str, Any]) -> str:
        wanted, serving = self.config.get(CONFIG_FIELD), described.get(CONFIG_FIELD)
        return "" if serving == wanted else f"its configuration is {serving!r} and not {wanted!r}"

    @override
    def is_on_its_way(self, described: Mapping[str, Any]) -> bool:
        pending = described.get("PendingDeploymentSummary") or {}
        return self.config.get(CONFIG_FIELD) in (described.get(CONFIG_FIELD), pending.get(CONFIG_FIELD))
