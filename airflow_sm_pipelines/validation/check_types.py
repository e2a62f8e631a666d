"""Step types that an entry point was to give and does not (``airflow_sm_pipelines.step_types``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline
    from airflow_sm_pipelines.step_types.registry import StepTypeRegistry


def check_types(pipeline: Pipeline, step_types: StepTypeRegistry, collector: FindingCollector) -> None:
    """A warning for each broken entry point, at the first step whose type is not known: it may be of that one."""
    unknown = next((step for step in pipeline.all_steps if step.type not in step_types), None)
    if unknown is None:
        return
    for fault in step_types.faults:
        collector.warning(
            f"a step type may be missing: {fault}",
            f"{unknown.path}.Type",
            step=unknown.name,
            code="step-type-entry-point",
        )
