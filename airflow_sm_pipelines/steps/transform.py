"""Transform: CreateTransformJob (semantics 2.4)."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator

from airflow_sm_pipelines.runtime.job import JobKind
from airflow_sm_pipelines.steps.job import JobStepOperator

KIND = JobKind(
    noun="transform job",
    create="create_transform_job",
    describe="describe_transform_job",
    stop="stop_transform_job",
    name_field="TransformJobName",
    describe_field="TransformJobName",
    arn_field="TransformJobArn",
    status_field="TransformJobStatus",
    role_field=None,
    console="transform-jobs/{name}",
)


class TransformStepOperator(JobStepOperator, SageMakerTransformOperator):
    """A Transform step. Its result is the DescribeTransformJob response."""

    kind = KIND
