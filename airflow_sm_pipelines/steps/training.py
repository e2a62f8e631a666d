"""Training: CreateTrainingJob (semantics 2.2), also for ``@step`` functions, notebook jobs and model repacking."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from airflow_sm_pipelines.catalog.training import KIND
from airflow_sm_pipelines.steps.job import JobStepOperator


class TrainingStepOperator(JobStepOperator, SageMakerTrainingOperator):
    """A Training step. Its result is the DescribeTrainingJob response."""

    kind = KIND
