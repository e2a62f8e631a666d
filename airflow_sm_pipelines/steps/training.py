"""Training: CreateTrainingJob (semantics 2.2), also for ``@step`` functions, notebook jobs and model repacking."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from airflow_sm_pipelines.runtime.job import JobKind
from airflow_sm_pipelines.steps.job import JobStepOperator

KIND = JobKind(
    noun="training job",
    create="create_training_job",
    describe="describe_training_job",
    stop="stop_training_job",
    name_field="TrainingJobName",
    describe_field="TrainingJobName",
    arn_field="TrainingJobArn",
    status_field="TrainingJobStatus",
    variable="TrainingJobName",
    console="jobs/{name}",
)


class TrainingStepOperator(JobStepOperator, SageMakerTrainingOperator):
    """A Training step. Its result is the DescribeTrainingJob response."""

    kind = KIND
