"""What every step of one pipeline's Dag knows of the pipeline while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import ExperimentConfig, MlflowConfig, Parameter, PropertyFile
    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.step_types.step_type import StepType


class PipelineFacts(Struct, frozen=True):
    """``property_files`` are by step and name; ``digest`` is the definition's, ``graph`` that of its steps.

    ``step_types`` are the types of its steps, by name; one that is not known is not among them.
    """

    name: str
    digest: str
    parameters: Mapping[str, Parameter]
    property_files: Mapping[str, Mapping[str, PropertyFile]]
    experiment: ExperimentConfig | None
    mlflow: MlflowConfig | None
    role_arn: str | None
    graph: Graph
    step_types: Mapping[str, StepType]

    def __str__(self) -> str:
        # A mapped task's arguments stand in the serialized Dag as their text: with another definition, another text.
        return f"pipeline {self.name}, definition {self.digest}"
