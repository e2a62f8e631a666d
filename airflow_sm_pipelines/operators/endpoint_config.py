"""EndpointConfig: CreateEndpointConfig (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerEndpointConfigOperator

from airflow_sm_pipelines.operators.user_named import NewResourceOperator
from airflow_sm_pipelines.step_types.endpoint_config import KIND


class EndpointConfigStepOperator(NewResourceOperator, SageMakerEndpointConfigOperator):
    """An EndpointConfig step. Its result is the DescribeEndpointConfig response.

    A given name that exists already fails the step, as the service does.
    """

    kind = KIND
