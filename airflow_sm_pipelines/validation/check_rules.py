"""What a step type's Arguments demand of each other (``StepType.rules``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline
    from airflow_sm_pipelines.step_types.step_type import StepType


def check_rules(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """A warning for each broken rule. The step itself fails of it when it is reached, before any call is made.

    It is no error, since real documents have steps with stub Arguments that are there to be read and never to run.
    """
    for step in pipeline.all_steps:
        known = step_types.get(step.type)
        if known is None or known.rules is None:
            continue
        for path, fault in known.rules.broken(step.arguments):
            collector.warning(f"{path} {fault}", f"{step.path}.Arguments.{path}", step=step.name, code="argument-rule")
