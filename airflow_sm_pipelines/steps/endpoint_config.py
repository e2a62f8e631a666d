"""EndpointConfig: CreateEndpointConfig (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointConfigOperator

from airflow_sm_pipelines.catalog.endpoint_config import KIND, REFUSED_BY_PIPELINES
from airflow_sm_pipelines.steps.named import NewResourceOperator


class EndpointConfigStepOperator(NewResourceOperator, SageMakerEndpointConfigOperator):
    """An EndpointConfig step. Its result is the DescribeEndpointConfig response.

    A given name that exists already fails the step, as the service does.
    """

    kind = KIND
    refused_by_pipelines = REFUSED_BY_PIPELINES
