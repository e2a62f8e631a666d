"""Models."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.resource import ResourceKind


class ModelKind(ResourceKind):
    """CreateModel and its family."""

    kind = "model"
    label = "Model"
    resource = "model"
    noun = "model"
    list_key = "Models"

    def describe(self, action: Action) -> dict[str, Any]:
        return {"EnableNetworkIsolation": False} | super().describe(action)
