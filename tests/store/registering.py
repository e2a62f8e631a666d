"""Pipelines that are registered in the SageMaker of the local endpoint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.store.registered import RegisteredPipelines
from tests.definition.build import document, training

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.local.endpoint import LocalEndpoint

ROLE = "arn:aws:iam::123456789012:role/SageMaker"
DEFINITION = document(training("Train", RoleArn=ROLE))
BROKEN = document(training("Train", RoleArn={"Get": "Parameters.Missing"}))


def register(
    endpoint: LocalEndpoint,
    name: str,
    definition: Any = DEFINITION,
    tags: Mapping[str, str] | None = None,
    **members: Any,
) -> None:
    """Create a pipeline; a definition that is a text is registered as it is."""
    text = definition if isinstance(definition, str) else json.dumps(definition)
    endpoint.client("sagemaker").create_pipeline(
        PipelineName=name,
        PipelineDefinition=text,
        RoleArn=ROLE,
        ClientRequestToken="0" * 32,
        Tags=[{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        **members,
    )


def unregister(endpoint: LocalEndpoint, name: str) -> None:
    endpoint.client("sagemaker").delete_pipeline(PipelineName=name, ClientRequestToken="0" * 32)


def change(endpoint: LocalEndpoint, name: str, definition: Any = DEFINITION, **members: Any) -> None:
    endpoint.client("sagemaker").update_pipeline(
        PipelineName=name, PipelineDefinition=json.dumps(definition), **members
    )


def pipelines(endpoint: LocalEndpoint, page_size: int = 100, attempts: int = 1) -> RegisteredPipelines:
    """What asks the endpoint; a call that fails is made ``attempts`` times."""
    return RegisteredPipelines(lambda service: endpoint.client(service, attempts=attempts), page_size)
