"""Processing: CreateProcessingJob (semantics 2.3). Its PropertyFiles are read by the steps that ask for them."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.kind import JobKind
from airflow_sm_pipelines.catalog.step_type import RetryTypes, StepType, job_calls, sagemaker

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
    console="processing-jobs/{name}",
)

STEP_TYPE = StepType(
    name="Processing",
    operator="airflow_sm_pipelines.steps.processing.ProcessingStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerProcessingOperator",
    kind=KIND,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateProcessingJob"),
    properties=sagemaker("DescribeProcessingJob"),
    retries=RetryTypes.ALL,
    cached=True,
)
