"""Model: CreateModel (semantics 2.7). It is done when the call returns."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerModelOperator

from airflow_sm_pipelines.catalog.model import KIND
from airflow_sm_pipelines.steps.job import JobStepOperator


class ModelStepOperator(JobStepOperator, SageMakerModelOperator):
    """A Model step. Its result is the DescribeModel response."""

    kind = KIND
