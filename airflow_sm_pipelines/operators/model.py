"""Model: CreateModel (semantics 2.7). It is done when the call returns."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerModelOperator

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.model import KIND


class ModelStepOperator(JobStepOperator, SageMakerModelOperator):
    """A Model step. Its result is the DescribeModel response."""

    kind = KIND
