"""Amazon SageMaker pipeline definitions as first-class Apache Airflow Dags.

The names below are imported when they are first used, so that importing the package alone imports no Airflow.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_sm_pipelines.dag import SageMakerPipelineDag
    from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
    from airflow_sm_pipelines.loader import load_dags
    from airflow_sm_pipelines.operators.assets import model_package_group, s3_output
    from airflow_sm_pipelines.operators.failure_report import FailedStep, Failure, failure_of
    from airflow_sm_pipelines.step_types import register_step_type, unregister_step_type
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.store.aws_bundle import SageMakerPipelinesDagBundle
    from airflow_sm_pipelines.task_group import SageMakerPipelineTaskGroup

__version__ = "0.2.0"

__all__ = [
    "DefinitionError",
    "FailedStep",
    "Failure",
    "Finding",
    "SageMakerPipelineDag",
    "SageMakerPipelineTaskGroup",
    "SageMakerPipelinesDagBundle",
    "StepType",
    "failure_of",
    "load_dags",
    "model_package_group",
    "register_step_type",
    "s3_output",
    "unregister_step_type",
]

_HOMES = {
    "DefinitionError": "airflow_sm_pipelines.definition.findings",
    "FailedStep": "airflow_sm_pipelines.operators.failure_report",
    "Failure": "airflow_sm_pipelines.operators.failure_report",
    "Finding": "airflow_sm_pipelines.definition.findings",
    "SageMakerPipelineDag": "airflow_sm_pipelines.dag",
    "SageMakerPipelineTaskGroup": "airflow_sm_pipelines.task_group",
    "SageMakerPipelinesDagBundle": "airflow_sm_pipelines.store.aws_bundle",
    "StepType": "airflow_sm_pipelines.step_types.step_type",
    "failure_of": "airflow_sm_pipelines.operators.failure_report",
    "load_dags": "airflow_sm_pipelines.loader",
    "model_package_group": "airflow_sm_pipelines.operators.assets",
    "register_step_type": "airflow_sm_pipelines.step_types",
    "s3_output": "airflow_sm_pipelines.operators.assets",
    "unregister_step_type": "airflow_sm_pipelines.step_types",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
