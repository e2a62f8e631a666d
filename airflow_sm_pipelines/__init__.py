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
    from airflow_sm_pipelines.step_types import register_step_type, unregister_step_type
    from airflow_sm_pipelines.step_types.step_type import StepType

__version__ = "0.1.0"

__all__ = [
    "DefinitionError",
    "Finding",
    "SageMakerPipelineDag",
    "StepType",
    "load_dags",
    "register_step_type",
    "unregister_step_type",
]

_HOMES = {
    "DefinitionError": "airflow_sm_pipelines.definition.findings",
    "Finding": "airflow_sm_pipelines.definition.findings",
    "SageMakerPipelineDag": "airflow_sm_pipelines.dag",
    "StepType": "airflow_sm_pipelines.step_types.step_type",
    "load_dags": "airflow_sm_pipelines.loader",
    "register_step_type": "airflow_sm_pipelines.step_types",
    "unregister_step_type": "airflow_sm_pipelines.step_types",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
