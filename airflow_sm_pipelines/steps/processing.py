"""Processing: CreateProcessingJob (semantics 2.3). Its PropertyFiles are read by the steps that ask for them."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerProcessingOperator

from airflow_sm_pipelines.runtime.job import JobKind
from airflow_sm_pipelines.steps.job import JobStepOperator

KIND = JobKind(
    noun="processing job",
    create="create_processing_job",
    describe="describe_processing_job",
    stop="stop_processing_job",
    name_field="ProcessingJobName",
    describe_field="ProcessingJobName",
    arn_field="ProcessingJobArn",
    status_field="ProcessingJobStatus",
    variable="ProcessingJobName",
    console="processing-jobs/{name}",
)


class ProcessingStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A Processing step. Its result is the DescribeProcessingJob response."""

    kind = KIND
