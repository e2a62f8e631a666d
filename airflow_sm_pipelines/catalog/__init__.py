"""The step types as data: one entry for each file beside this one. No Airflow, no AWS.

A type that is not in here (such as ForEach) is read as the definition has it, its
properties are not checked, and no operator runs it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.catalog import (
    automl,
    bedrock_custom_model,
    bedrock_custom_model_deployment,
    bedrock_model_import,
    bedrock_provisioned_model_throughput,
    callback,
    clarify_check,
    condition,
    emr,
    emr_serverless,
    endpoint,
    endpoint_config,
    fail,
    inference_component,
    job,
    lambda_function,
    lineage,
    model,
    processing,
    quality_check,
    register_model,
    training,
    transform,
    tuning,
)
from airflow_sm_pipelines.catalog.pending import PENDING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.catalog.step_type import StepType

_EXECUTABLE = (
    automl,
    bedrock_custom_model,
    bedrock_custom_model_deployment,
    bedrock_model_import,
    bedrock_provisioned_model_throughput,
    callback,
    clarify_check,
    condition,
    emr,
    emr_serverless,
    endpoint,
    endpoint_config,
    fail,
    inference_component,
    job,
    lambda_function,
    lineage,
    model,
    processing,
    quality_check,
    register_model,
    training,
    transform,
    tuning,
)

STEP_TYPES: Mapping[str, StepType] = MappingProxyType(
    {step_type.name: step_type for step_type in (*(module.STEP_TYPE for module in _EXECUTABLE), *PENDING)}
)
