"""Training: CreateTrainingJob (semantics 2.2), also for ``@step`` functions, notebook jobs and model repacking."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.kind import JobKind
from airflow_sm_pipelines.catalog.step_type import RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="training job",
    create="CreateTrainingJob",
    describe="DescribeTrainingJob",
    stop="StopTrainingJob",
    name_field="TrainingJobName",
    describe_field="TrainingJobName",
    arn_field="TrainingJobArn",
    status_field="TrainingJobStatus",
    variable="TrainingJobName",
    console="jobs/{name}",
)

STEP_TYPE = StepType(
    name="Training",
    operator="airflow_sm_pipelines.steps.training.TrainingStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTrainingOperator",
    kind=KIND,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateTrainingJob"),
    properties=sagemaker("DescribeTrainingJob"),
    retries=RetryTypes.ALL,
    cached=True,
)
