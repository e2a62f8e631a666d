"""Endpoint configurations."""

from __future__ import annotations

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.state import arn


class EndpointConfigKind(ResourceKind):
    """CreateEndpointConfig and its family."""

    kind = "endpoint-config"
    label = "EndpointConfig"
    resource = "endpoint-config"
    noun = "endpoint configuration"
    list_key = "EndpointConfigs"

    def check(self, action: Action) -> None:
        for variant in action.parameters["ProductionVariants"]:
            name = variant.get("ModelName")
            if not name or action.state.exists_before("model", name):
                continue
            if action.state.find("model", action.region, name, action.now) is None:
                raise invalid(f'Could not find model "{arn(action.region, f"model/{name.lower()}")}".')
