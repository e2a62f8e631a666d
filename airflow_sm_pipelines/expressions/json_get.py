"""``Std:JsonGet`` (semantics 3.5): the one scalar that a path leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

__all__ = ["JsonPathError", "json_get", "name_in"]


def json_get(document: Json, path: str) -> Json:
    """The scalar at ``path`` of a JSON document.

    :raises JsonPathError: for a path that cannot be read, has no match, or matches no single scalar
    """
    value: Any = document
    for token in parse_json_path(path):
        if not _has(value, token):
            raise JsonPathError(f"the path {path!r} has no match.")
        value = value[token]
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise JsonPathError(f"the path {path!r} leads to {kind}, and only a single value can be used.")
    if value is None:
        raise JsonPathError(f"the path {path!r} leads to null.")
    scalar: Json = value
    return scalar


def name_in(path: str) -> str | None:
    """The name by which the value at a path goes: of ``$.users[0].password`` it is ``password``."""
    return next((token for token in reversed(parse_json_path(path)) if isinstance(token, str)), None)


def _has(value: Json, part: str | int) -> bool:
    """Whether an object has this member, or a list this element; a text is no list of its characters."""
    if isinstance(part, int):
        return isinstance(value, list) and -len(value) <= part < len(value)
    return isinstance(value, dict) and part in value
