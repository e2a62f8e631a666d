"""Values as people read them: texts in quotes, an expression as ``{Steps.Train.TrainingJobName}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from airflow_sm_pipelines.definition.expressions import (
    OBJECTS,
    SCALARS,
    Join,
    JsonGet,
    PropertyFileReference,
    format_expression,
)
from airflow_sm_pipelines.definition.model import Compare, Comparison, In, Not, Or
from airflow_sm_pipelines.definition.paths import render_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Condition
    from airflow_sm_pipelines.definition.paths import JsonPath

_NESTED: Final = (*OBJECTS, tuple)
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
    if isinstance(value, SCALARS):
        return _text(value)
    if isinstance(value, OBJECTS):
        return f"{{{', '.join(f'{_text(name)}: {readable(member)}' for name, member in value.items())}}}"
    if isinstance(value, tuple):
        return f"[{', '.join(readable(member) for member in value)}]"
    if isinstance(value, Join):
        return _text(_inside(value))
    return _inside(value)


def leaves(value: Value) -> Iterator[tuple[str, Value]]:
    """The values that have no members of their own, each with its path: ``("ResourceConfig.InstanceCount", 1)``."""
    return ((written(path), leaf) for path, leaf in located_leaves(value))


def located_leaves(value: Value) -> list[tuple[JsonPath, Value]]:
    """:func:`leaves` whose paths are not written out."""
    found: list[tuple[JsonPath, Value]] = []
    _add_leaves(value, None, found)
    return found


def written(path: JsonPath) -> str:
    """The path of a leaf as people read it; nothing for the value itself."""
    return render_path(path)[1:].removeprefix(".")


def _add_leaves(value: Value, path: JsonPath, found: list[tuple[JsonPath, Value]]) -> None:
    if isinstance(value, OBJECTS) and value:
        for key, member in value.items():
            _add_leaves(member, (path, key), found)
    elif isinstance(value, tuple) and any(isinstance(member, _NESTED) for member in value):
        for position, member in enumerate(value):
            _add_leaves(member, (path, position), found)
    else:
        found.append((path, value))


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
