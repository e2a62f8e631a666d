"""The operators of the steps that run a job: one small class a type, before the Amazon provider's of the same job.

What they do is the life of a job (:mod:`airflow_sm_pipelines.operators.job`), and what differs by type stands in the
type's file in :mod:`airflow_sm_pipelines.step_types`. The classes are here so that a task is an instance of the
provider's operator, as ``task_type``, icons and other people's code expect it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerAutoMLOperator,
    SageMakerBaseOperator,
    SageMakerEndpointConfigOperator,
    SageMakerEndpointOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
    SageMakerTuningOperator,
)

from airflow_sm_pipelines.operators.job import JobStepOperator

CONFIG: Mapping[str, Any] = MappingProxyType({"config": {}})


class TrainingStepOperator(JobStepOperator, SageMakerTrainingOperator):
    """A Training step. Its result is the DescribeTrainingJob response."""

    provider_arguments = CONFIG


class ProcessingStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A Processing step. Its result is the DescribeProcessingJob response."""

    provider_arguments = CONFIG


class QualityCheckStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A QualityCheck step (:class:`airflow_sm_pipelines.step_types.check.CheckAdapter`)."""

    provider_arguments = CONFIG


class ClarifyCheckStepOperator(JobStepOperator, SageMakerProcessingOperator):
    """A ClarifyCheck step (:class:`airflow_sm_pipelines.step_types.clarify_check.ClarifyCheckAdapter`)."""

    provider_arguments = CONFIG


class TransformStepOperator(JobStepOperator, SageMakerTransformOperator):
    """A Transform step. Its result is the DescribeTransformJob response."""

    provider_arguments = CONFIG


class TuningStepOperator(JobStepOperator, SageMakerTuningOperator):
    """A Tuning step (:class:`airflow_sm_pipelines.step_types.tuning.TuningAdapter`)."""

    provider_arguments = CONFIG


class AutoMLStepOperator(JobStepOperator, SageMakerAutoMLOperator):
    """An AutoML step (:class:`airflow_sm_pipelines.step_types.automl.AutoMLAdapter`)."""

    provider_arguments = MappingProxyType(
        {**CONFIG, "job_name": "", "s3_input": "", "target_attribute": "", "s3_output": "", "role_arn": ""}
    )


class ModelStepOperator(JobStepOperator, SageMakerModelOperator):
    """A Model step. Its result is the DescribeModel response."""

    provider_arguments = CONFIG


class RegisterModelStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A RegisterModel step (:class:`airflow_sm_pipelines.step_types.register_model.RegisterModelAdapter`).

    It is no SageMakerRegisterModelVersionOperator: that one builds its own request with one container and text/csv.
    """

    provider_arguments = CONFIG


class EndpointConfigStepOperator(JobStepOperator, SageMakerEndpointConfigOperator):
    """An EndpointConfig step. Its result is the DescribeEndpointConfig response.

    A given name that exists already fails the step, as the service does.
    """

    provider_arguments = CONFIG


class EndpointStepOperator(JobStepOperator, SageMakerEndpointOperator):
    """An Endpoint step (:class:`airflow_sm_pipelines.step_types.endpoint.EndpointAdapter`)."""

    provider_arguments = CONFIG


class InferenceComponentStepOperator(JobStepOperator, SageMakerBaseOperator):
    """An InferenceComponent step
    (:class:`airflow_sm_pipelines.step_types.inference_component.InferenceComponentAdapter`).
    """

    provider_arguments = CONFIG


class CategoryJobStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A Job step (:class:`airflow_sm_pipelines.step_types.job.CategoryJobAdapter`)."""

    provider_arguments = CONFIG


class BedrockCustomModelStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A BedrockCustomModel step. Its result is the GetCustomModel response, in PascalCase."""

    provider_arguments = CONFIG


class BedrockCustomModelDeploymentStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A BedrockCustomModelDeployment step. Its result is the GetCustomModelDeployment response, in PascalCase."""

    provider_arguments = CONFIG


class BedrockModelImportStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A BedrockModelImport step. Its result is the GetModelImportJob response, in PascalCase."""

    provider_arguments = CONFIG


class BedrockProvisionedModelThroughputStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A BedrockProvisionedModelThroughput step. Its result is the GetProvisionedModelThroughput response, in
    PascalCase.
    """

    provider_arguments = CONFIG
