"""Transform: CreateTransformJob (semantics 2.4)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.kind import JobKind
from airflow_sm_pipelines.catalog.step_type import RetryTypes, StepType, job_calls, sagemaker

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
    console="transform-jobs/{name}",
)

STEP_TYPE = StepType(
    name="Transform",
    operator="airflow_sm_pipelines.steps.transform.TransformStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTransformOperator",
    kind=KIND,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateTransformJob"),
    properties=sagemaker("DescribeTransformJob"),
    retries=RetryTypes.ALL,
    cached=True,
)
