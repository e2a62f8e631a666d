"""Transform: CreateTransformJob (semantics 2.4)."""

from __future__ import annotations

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTransformOperator

from airflow_sm_pipelines.catalog.transform import KIND
from airflow_sm_pipelines.steps.job import JobStepOperator


class TransformStepOperator(JobStepOperator, SageMakerTransformOperator):
    """A Transform step. Its result is the DescribeTransformJob response."""

    kind = KIND
