"""Processing: CreateProcessingJob (semantics 2.3). Its PropertyFiles are read by the steps that ask for them."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, job_console
from airflow_sm_pipelines.step_types.datasets import DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import ONE_DAY, JobKind
from airflow_sm_pipelines.step_types.step_type import CacheKey, RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="processing job",
    create="CreateProcessingJob",
    describe="DescribeProcessingJob",
    stop="StopProcessingJob",
    name_field="ProcessingJobName",
    describe_field="ProcessingJobName",
    arn_field="ProcessingJobArn",
    status_field="ProcessingJobStatus",
    variable="ProcessingJobName",
    started_field="ProcessingStartTime",
    limit_fields=("StoppingCondition.MaxRuntimeInSeconds",),
    default_limit=ONE_DAY,
    linkable_configs=("ExperimentConfig",),
)
DATASETS = DatasetPaths(
    inputs=("ProcessingInputs[].S3Input.S3Uri",), outputs=("ProcessingOutputConfig.Outputs[].S3Output.S3Uri",)
)
CONSOLE = job_console("processing-jobs/{name}", "ProcessingJobs")

STEP_TYPE = StepType(
    name="Processing",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.ProcessingStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerProcessingOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS),
    arguments=sagemaker("CreateProcessingJob"),
    properties=sagemaker("DescribeProcessingJob"),
    passed_roles=("ProcessingInputs[].DatasetDefinition.RedshiftDatasetDefinition.ClusterRoleArn",),
    retries=RetryTypes.ALL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "AppSpecification",
            "Environment",
            "ProcessingInputs",
        )
    ),
    datasets=DATASETS,
    console=CONSOLE,
)
