"""Triggers in DependsOn that never come true: not every step can be stopped (semantics 14.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import Trigger
from airflow_sm_pipelines.step_types.job_kind import STOPPED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline
    from airflow_sm_pipelines.step_types.step_type import StepType

# Of its children one may have been stopped.
_LOOP = "ForEach"


def check_triggers(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """A warning for each entry that waits for the stop of a step that runs no job which AWS could stop."""
    waiting = [
        (step, entry) for step in pipeline.all_steps for entry in step.depends_on if entry.trigger is Trigger.STOPPED
    ]
    if not waiting:
        return
    types = {step.name: step.type for step in pipeline.all_steps}
    for step, entry in waiting:
        known = step_types.get(types.get(entry.step, ""))
        if known is None or known.name == _LOOP:
            continue
        if known.kind is None or STOPPED.isdisjoint(status.casefold() for status in known.kind.failed):
            message = (
                f"the step can never run: {entry.step!r} is a {known.name} step, which runs no job that AWS could stop;"
                " it can have failed"
            )
            path = f"{step.path}.DependsOn[{entry.position}].Trigger"
            collector.warning(message, path, step=step.name, suggestion=Trigger.FAILED.value, code="never-runs")
