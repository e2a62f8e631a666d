"""Training: CreateTrainingJob (semantics 2.2), also for ``@step`` functions, notebook jobs and model repacking."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.training import KIND


class TrainingStepOperator(JobStepOperator, SageMakerTrainingOperator):
    """A Training step. Its result is the DescribeTrainingJob response."""

    kind = KIND
