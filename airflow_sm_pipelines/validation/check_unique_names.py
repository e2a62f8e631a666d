"""Names that the service makes unique, where another step writes them out (semantics 14.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import ParameterReference
from airflow_sm_pipelines.definition.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Parameter, Pipeline, Step
    from airflow_sm_pipelines.step_types.step_type import StepType


def check_unique_names(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """A finding for each step that names what another step makes by the name that this one was given.

    The name is not that one in the end: the step would find nothing, or what an earlier run or a person has made. It is
    a warning where the two agree only as long as a parameter has its default.
    """
    makers = list(_makers(pipeline, step_types))
    for step in pipeline.all_steps if makers else ():
        for member, name, maker in makers:
            used = step.arguments.get(member)
            if used is None or step.type == maker.type:
                continue
            if used == name:
                severity = Severity.ERROR
            elif _default(used, pipeline.parameters) == _default(name, pipeline.parameters):
                severity = Severity.WARNING
            else:
                continue
            message = (
                f"the {maker.type} step {maker.name!r} makes its name unique by adding the execution's id, so this is"
                f' not the name of what it makes. Use the reference {{"Get": "Steps.{maker.name}.{member}"}}'
            )
            path = f"{step.path}.Arguments.{member}"
            collector.add(Finding(message, path, step.name, severity=severity, code="name-made-unique"))


def _makers(pipeline: Pipeline, step_types: Mapping[str, StepType]) -> Iterator[tuple[str, Value, Step]]:
    for step in pipeline.all_steps:
        known = step_types.get(step.type)
        if known is not None and known.made_unique and known.kind is not None:
            member = known.kind.name_field
            if name := step.arguments.get(member):
                yield member, name, step


def _default(value: Value, parameters: Mapping[str, Parameter]) -> Value:
    """A value, and of a parameter its default."""
    if isinstance(value, ParameterReference) and value.name in parameters and parameters[value.name].has_default:
        return parameters[value.name].default
    return value
