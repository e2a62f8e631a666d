"""``Std:JsonGet`` on top of jsonpath-ng (semantics 3.5): the one scalar that a path leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

__all__ = ["JsonPathError", "json_get", "name_in"]


def json_get(document: Json, path: str) -> Json:
    """The scalar at ``path`` of a JSON document.

    :raises JsonPathError: for a path that cannot be read, has no match, or matches no single scalar
    """
    value = document
    for token in parse_json_path(path):
        matches = _matches(value, token)
        if not matches:
            raise JsonPathError(f"the path {path!r} has no match.")
        value = matches[0]
    if isinstance(value, dict | list):
        kind = "an object" if isinstance(value, dict) else "a list"
        raise JsonPathError(f"the path {path!r} leads to {kind}, and only a single value can be used.")
    if value is None:
        raise JsonPathError(f"the path {path!r} leads to null.")
    return value


def name_in(path: str) -> str | None:
    """The name by which the value at a path goes: of ``$.users[0].password`` it is ``password``."""
    return next((token for token in reversed(parse_json_path(path)) if isinstance(token, str)), None)


def _matches(value: Json, part: str | int) -> list[Json]:
    from jsonpath_ng import Fields, Index

    if part == "*":
        # The path quotes it as a key; jsonpath-ng 1.x reads a field of this name as a wildcard, however it is quoted.
        return [value["*"]] if isinstance(value, dict) and "*" in value else []
    step = Index(part) if isinstance(part, int) else Fields(part)
    return [match.value for match in step.find(value)]
