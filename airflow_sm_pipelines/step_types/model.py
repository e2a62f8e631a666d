"""Model: CreateModel (semantics 2.7). It is done when the call returns."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.datasets import CONTAINER_MODEL, DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="model",
    create="CreateModel",
    describe="DescribeModel",
    stop=None,
    name_field="ModelName",
    describe_field="ModelName",
    arn_field="ModelArn",
    status_field=None,
    role_field="ExecutionRoleArn",
)

STEP_TYPE = StepType(
    name="Model",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.ModelStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerModelOperator",
    kind=KIND,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateModel"),
    properties=sagemaker("DescribeModel"),
    retries=RetryTypes.CALLS,
    cached=False,
    datasets=DatasetPaths(
        inputs=tuple(f"{member}.{path}" for member in ("PrimaryContainer", "Containers[]") for path in CONTAINER_MODEL)
    ),
    console=ConsoleLocations(sagemaker_page("models/{name}")),
)
