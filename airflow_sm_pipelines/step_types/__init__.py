"""The step types as data: one entry for each file beside this one. No Airflow, no AWS.

A type that is not in here is read as the definition has it, its properties are not checked, and no operator runs it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types import (
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
    for_each,
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

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.step_types.step_type import StepType

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
    for_each,
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

_TYPES = {module.STEP_TYPE.name: module.STEP_TYPE for module in _EXECUTABLE}

STEP_TYPES: Mapping[str, StepType] = MappingProxyType(_TYPES)
"""The step types that are known, those that users registered included."""


def step_type_for(name: str, arguments: Mapping[str, object]) -> StepType | None:
    """The step type of a step with these Arguments, with the API that they are for; None where it is not known."""
    known = STEP_TYPES.get(name)
    return None if known is None else known.used_with(arguments)


def register_step_type(step_type: StepType) -> None:
    """Make a step type known, or put another operator in the place of a known one's.

    Call it in the dags file, before the definitions are loaded, or in a module that the file imports: a worker parses
    the file too. ``operator`` is the dotted path of a subclass of ``airflow_sm_pipelines.operators.step.StepOperator``,
    or of ``airflow_sm_pipelines.operators.job.JobStepOperator`` for what is created, waited for, stopped and described.
    """
    _TYPES[step_type.name] = step_type
