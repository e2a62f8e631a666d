"""Model: CreateModel (semantics 2.7). It is done when the call returns."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerModelOperator

from airflow_sm_pipelines.runtime.job import JobKind
from airflow_sm_pipelines.steps.job import JobStepOperator

KIND = JobKind(
    noun="model",
    create="create_model",
    describe="describe_model",
    stop=None,
    name_field="ModelName",
    describe_field="ModelName",
    arn_field="ModelArn",
    status_field=None,
    role_field="ExecutionRoleArn",
    console="models/{name}",
)


class ModelStepOperator(JobStepOperator, SageMakerModelOperator):
    """A Model step. Its result is the DescribeModel response."""

    kind = KIND
