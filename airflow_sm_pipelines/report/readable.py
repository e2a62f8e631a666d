"""Values as people read them: texts in quotes, an expression as ``{Steps.Train.TrainingJobName}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import Join, JsonGet, PropertyFileReference, format_expression
from airflow_sm_pipelines.definition.model import Compare, Comparison, In, Not, Or
from airflow_sm_pipelines.definition.paths import render_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Condition
    from airflow_sm_pipelines.definition.paths import JsonPath

_SIGNS = {
    Comparison.EQUALS: "==",
    Comparison.NOT_EQUALS: "!=",
    Comparison.GREATER_THAN: ">",
    Comparison.GREATER_THAN_OR_EQUAL_TO: ">=",
    Comparison.LESS_THAN: "<",
    Comparison.LESS_THAN_OR_EQUAL_TO: "<=",
}


def readable(value: Value) -> str:
    """A value in one line. A Join is one text with its expressions in braces: ``"s3://b/{Parameters.Prefix}/x"``."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_text(name)}: {readable(member)}' for name, member in value.items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(readable(member) for member in value)}]"
    if isinstance(value, Join):
        return _text(_inside(value))
    if value is None or isinstance(value, str | int | float | bool):
        return _text(value)
    return _inside(value)


def leaves(value: Value, path: JsonPath = None) -> Iterator[tuple[str, Value]]:
    """The values that have no members of their own, each with its path: ``("ResourceConfig.InstanceCount", 1)``."""
    members: Iterator[tuple[str | int, Value]]
    if isinstance(value, Mapping) and value:
        members = iter(value.items())
    elif isinstance(value, tuple) and any(isinstance(member, Mapping | tuple) for member in value):
        members = iter(enumerate(value))
    else:
        yield render_path(path)[1:].removeprefix("."), value
        return
    for key, member in members:
        yield from leaves(member, (path, key))


def readable_condition(condition: Condition) -> str:
    """A condition as a formula."""
    match condition:
        case Compare(comparison, left, right):
            return f"{readable(left)} {_SIGNS[comparison]} {readable(right)}"
        case In(query, values):
            return f"{readable(query)} in {readable(values)}"
        case Not(inner):
            return f"not ({readable_condition(inner)})"
        case Or(conditions):
            return f"({' or '.join(readable_condition(inner) for inner in conditions)})"


def _inside(value: Value) -> str:
    """A part of a Join: texts as they are, expressions in braces."""
    if isinstance(value, str):
        return value
    if isinstance(value, Join):
        return value.separator.join(_inside(part) for part in value.values)
    if isinstance(value, JsonGet):
        source = value.source
        file = format_expression(source) if isinstance(source, PropertyFileReference) else _inside(source)
        return f"{{{value.path} of the JSON file {file}}}"
    if value is None or isinstance(value, Mapping | tuple | int | float | bool):
        return readable(value)
    return f"{{{format_expression(value)}}}"


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
