"""``Std:JsonGet`` on top of jsonpath-ng (semantics 3.5): the one scalar that a path leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path

if TYPE_CHECKING:
    from airflow_sm_pipelines.runtime.text import Json

__all__ = ["JsonPathError", "json_get"]


def json_get(document: Json, path: str) -> Json:
    """The scalar at ``path`` of a JSON document.

    :raises JsonPathError: for a path that cannot be read, has no match, or matches no single scalar
    """
    from jsonpath_ng import Child, Fields, Index, JSONPath, Root

    expression: JSONPath = Root()
    for token in parse_json_path(path):
        expression = Child(expression, Index(token) if isinstance(token, int) else Fields(token))
    matches = [match.value for match in expression.find(document)]
    if not matches:
        raise JsonPathError(f"the path {path!r} has no match.")
    value: Json = matches[0]
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise JsonPathError(f"the path {path!r} leads to {kind}, and only a single value can be used.")
    if value is None:
        raise JsonPathError(f"the path {path!r} leads to null.")
    return value
