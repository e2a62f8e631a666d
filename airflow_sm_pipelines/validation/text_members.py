"""Expressions that stand where AWS takes a text: what they give is sent as its text, as ``Std:Join`` writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from airflow_sm_pipelines.definition.expressions import Join
from airflow_sm_pipelines.definition.frozen import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.validation.judgement import TextMember


def with_texts(pipeline: Pipeline, members: Iterable[TextMember]) -> Pipeline:
    """The pipeline with each of these expressions in a Join of its own."""
    # By path: of a definition with findings, two steps may have one name.
    places: dict[str, list[JsonPath]] = {}
    for member in members:
        places.setdefault(member.step.path, []).append(member.path)
    return replace(pipeline, steps=_steps(pipeline.steps, places)) if places else pipeline


def _steps(steps: tuple[Step, ...], places: Mapping[str, list[JsonPath]]) -> tuple[Step, ...]:
    return tuple(_step(step, places) for step in steps)


def _step(step: Step, places: Mapping[str, list[JsonPath]]) -> Step:
    if step.branches is not None:
        inner = {
            "if_steps": _steps(step.branches.if_steps, places),
            "else_steps": _steps(step.branches.else_steps, places),
        }
        return replace(step, branches=replace(step.branches, **inner))
    if step.for_each is not None:
        return replace(step, for_each=replace(step.for_each, body=_steps(step.for_each.body, places)))
    arguments: Value = step.arguments
    for place in places.get(step.path, ()):
        arguments = _with_join(arguments, _keys(place))
    return step if arguments is step.arguments else replace(step, arguments=arguments)


def _keys(path: JsonPath) -> list[str | int]:
    """The keys of a place, the innermost first."""
    keys = []
    while path is not None:
        path, key = path
        keys.append(key)
    return keys


def _with_join(value: Value, keys: list[str | int]) -> Value:
    if not keys:
        return Join("", (value,))
    key = keys.pop()
    if isinstance(value, FrozenDict):
        return FrozenDict({**value, key: _with_join(value[key], keys)})
    assert isinstance(value, tuple)
    return tuple(_with_join(each, keys) if index == key else each for index, each in enumerate(value))
