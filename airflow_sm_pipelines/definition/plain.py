"""A Python mapping to plain JSON values, so that what follows meets nothing but what JSON text gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.paths import describe, render_path

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

CONTAINERS = (dict, list)
"""The JSON types that hold others; a tuple, since ``dict | list`` would be built anew at every test of a hot loop."""

MAX_DEPTH = 160
"""Levels of objects and arrays that a definition may have: Python's stack, and that of what follows, bears them."""

_MOST_BITS = 14_283
"""The bits of the largest integer that Python writes as a text, of 4,300 digits."""


def to_plain(value: object, collector: FindingCollector, path: JsonPath = None, depth: int = 1) -> Json:
    """``value`` with mappings as ``dict`` and sequences as ``list``; anything else that is not JSON is a finding."""
    if value is None or isinstance(value, bool):
        return value
    # A subclass (an Enum of texts, an IntEnum) is taken for its plain value.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            collector.error("a number has too many digits", render_path(path))
            return None
        return int(value)
    if isinstance(value, float):
        return float(value)
    if depth > MAX_DEPTH:
        collector.error(f"the definition is nested deeper than {MAX_DEPTH} levels", "$")
        return None
    if isinstance(value, list | tuple):
        return [to_plain(member, collector, (path, index), depth + 1) for index, member in enumerate(value)]
    if not isinstance(value, Mapping):
        collector.error(f"expected a JSON value, found {describe(value)}", render_path(path))
        return None
    plain: dict[str, Json] = {}
    for key, member in value.items():
        if isinstance(key, str):
            plain[str.__str__(key)] = to_plain(member, collector, (path, key), depth + 1)
        else:
            collector.error(f"the keys of a JSON object are texts, found {describe(key)}", render_path(path))
    return plain


def within_depth(value: Json) -> bool:
    """Whether ``value`` is nested in at most :data:`MAX_DEPTH` levels."""
    level = [value] if isinstance(value, CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        level = [
            member
            for node in level
            for member in (node.values() if isinstance(node, dict) else node)
            if isinstance(member, CONTAINERS)
        ]
        if not level:
            return True
    return False
