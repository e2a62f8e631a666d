"""Transform: CreateTransformJob (semantics 2.4)."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.transform import KIND


class TransformStepOperator(JobStepOperator, SageMakerTransformOperator):
    """A Transform step. Its result is the DescribeTransformJob response."""

    kind = KIND
