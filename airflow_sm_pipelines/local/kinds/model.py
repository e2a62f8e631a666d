"""Models."""

from airflow_sm_pipelines.local.kinds.resource import ResourceKind


class ModelKind(ResourceKind):
    """CreateModel and its family."""

    kind = "model"
    label = "Model"
    resource = "model"
    noun = "model"
    list_key = "Models"
