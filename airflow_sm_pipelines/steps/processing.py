"""Processing: CreateProcessingJob (semantics 2.3). Its PropertyFiles are read by the steps that ask for them."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator

from airflow_sm_pipelines.catalog.processing import KIND
from airflow_sm_pipelines.steps.job import JobStepOperator


class ProcessingStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A Processing step. Its result is the DescribeProcessingJob response."""

    kind = KIND
