"""Processing: CreateProcessingJob (semantics 2.3). Its PropertyFiles are read by the steps that ask for them."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.processing import KIND


class ProcessingStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A Processing step. Its result is the DescribeProcessingJob response."""

    kind = KIND
