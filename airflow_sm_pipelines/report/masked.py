"""A plan without the literal secrets of its definition, for what shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.model import Branches, Compare, Condition, In, Not, Or
from airflow_sm_pipelines.definition.secrets import literal_secrets, mask, redactor
from airflow_sm_pipelines.definition.writer import to_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from airflow_sm_pipelines.definition.model import Parameter, Pipeline, Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Plan


def masked(plan: Plan, is_secret: IsSecret) -> Plan:
    """The plan with each secret masked, under its own name and wherever else its text stands."""
    redact = redactor(_secrets(plan.pipeline, is_secret))

    def hide(value: Any) -> Any:
        return mask(value, is_secret, redact)

    parameters = {name: _parameter(one, hide) for name, one in plan.pipeline.parameters.items()}
    return replace(
        plan,
        pipeline=replace(plan.pipeline, parameters=parameters),
        graph=replace(plan.graph, steps=tuple(_step(step, hide) for step in plan.graph.steps)),
    )


def masked_document(pipeline: Pipeline, is_secret: IsSecret) -> dict[str, Any]:
    """The JSON of a definition with each secret masked, under its own name and wherever else its text stands."""
    redact = redactor(_secrets(pipeline, is_secret))

    def hide(value: Any) -> Any:
        return mask(value, is_secret, redact)

    parameters = {name: _parameter(one, hide) for name, one in pipeline.parameters.items()}
    steps = tuple(_step(step, hide) for step in pipeline.steps)
    shown = replace(pipeline, parameters=parameters, steps=steps, metadata=hide(pipeline.metadata))
    return to_document(shown)


def _secrets(pipeline: Pipeline, is_secret: IsSecret) -> Iterator[str]:
    for parameter in pipeline.parameters.values():
        yield from literal_secrets(_as_pair(parameter), is_secret)
    for step in pipeline.all_steps:
        yield from literal_secrets(to_json(step.arguments), is_secret)
        yield from literal_secrets(to_json(step.settings), is_secret)


def _as_pair(parameter: Parameter) -> dict[str, Any]:
    choices = {"EnumValues": parameter.enum_values} if parameter.enum_values else {}
    return {"Name": parameter.name, "DefaultValue": parameter.default, **choices}


def _parameter(parameter: Parameter, hide: Callable[[Any], Any]) -> Parameter:
    return replace(parameter, default=hide(_as_pair(parameter))["DefaultValue"])


def _step(step: Step, hide: Callable[[Any], Any]) -> Step:
    loop = step.for_each
    return replace(
        step,
        arguments=hide(step.arguments),
        settings=hide(step.settings),
        description=hide(step.description),
        branches=None if step.branches is None else _branches(step.branches, hide),
        for_each=None
        if loop is None
        else replace(loop, items=hide(loop.items), body=tuple(_step(one, hide) for one in loop.body)),
    )


def _branches(branches: Branches, hide: Callable[[Any], Any]) -> Branches:
    return replace(
        branches,
        conditions=tuple(_condition(one, hide) for one in branches.conditions),
        if_steps=tuple(_step(one, hide) for one in branches.if_steps),
        else_steps=tuple(_step(one, hide) for one in branches.else_steps),
    )


def _condition(condition: Condition, hide: Callable[[Any], Any]) -> Condition:
    match condition:
        case Compare(comparison, left, right):
            return Compare(comparison, hide(left), hide(right))
        case In(query, values):
            return In(hide(query), hide(values))
        case Not(inner):
            return Not(_condition(inner, hide))
        case Or(conditions):
            return Or(tuple(_condition(inner, hide) for inner in conditions))
