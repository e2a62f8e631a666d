"""Transform: CreateTransformJob (semantics 2.4)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, job_console
from airflow_sm_pipelines.step_types.datasets import DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import CacheKey, RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="transform job",
    create="CreateTransformJob",
    describe="DescribeTransformJob",
    stop="StopTransformJob",
    name_field="TransformJobName",
    describe_field="TransformJobName",
    arn_field="TransformJobArn",
    status_field="TransformJobStatus",
    role_field=None,
    linkable_configs=("ExperimentConfig",),
)

STEP_TYPE = StepType(
    name="Transform",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.TransformStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTransformOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS),
    arguments=sagemaker("CreateTransformJob"),
    properties=sagemaker("DescribeTransformJob"),
    retries=RetryTypes.ALL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "DataProcessing",
            "Environment",
            "ModelName",
            "TransformInput",
        )
    ),
    datasets=DatasetPaths(
        inputs=("TransformInput.DataSource.S3DataSource.S3Uri",), outputs=("TransformOutput.S3OutputPath",)
    ),
    console=job_console("transform-jobs/{name}", "TransformJobs"),
)
