"""What every step of one pipeline's Dag knows of the pipeline while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import ExperimentConfig, Parameter, PropertyFile


@dataclass(frozen=True, slots=True)
class PipelineFacts:
    """``property_files`` are by step and name; ``digest`` is the definition's."""

    name: str
    digest: str
    parameters: Mapping[str, Parameter]
    property_files: Mapping[str, Mapping[str, PropertyFile]]
    experiment: ExperimentConfig | None
    role_arn: str | None
