"""A Python mapping to plain JSON values, so that what follows meets nothing but what JSON text gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.paths import describe, render_path

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

CONTAINERS = (dict, list)
"""The JSON types that hold others; a tuple, since ``dict | list`` would be built anew at every test of a hot loop."""

MAX_DEPTH = 160
"""Levels of objects and arrays that a definition may have: Python's stack, and that of what follows, bears them."""

_LOOKED_FOR = frozenset({dict, list, float})

_MAX_BITS = 14_283
"""The bits of the largest integer that Python writes as a text, of 4,300 digits."""


def to_plain(value: object, collector: FindingCollector, path: JsonPath = None, depth: int = 1) -> Json:
    """``value`` with mappings as ``dict`` and sequences as ``list``; anything else that is not JSON is a finding."""
    if value is None or isinstance(value, bool):
        return value
    # A subclass (an Enum of texts, an IntEnum) is taken for its plain value.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            collector.error("a number has too many digits", render_path(path), code="number-out-of-range")
            return None
        return int(value)
    if isinstance(value, float):
        return float(value)
    if depth > MAX_DEPTH:
        collector.error(f"the definition is nested deeper than {MAX_DEPTH} levels", "$", code="too-deep")
        return None
    if isinstance(value, list | tuple):
        return [to_plain(member, collector, (path, index), depth + 1) for index, member in enumerate(value)]
    if not isinstance(value, Mapping):
        collector.error(f"expected a JSON value, found {describe(value)}", render_path(path), code="wrong-type")
        return None
    plain: dict[str, Json] = {}
    for key, member in value.items():
        if isinstance(key, str):
            plain[str.__str__(key)] = to_plain(member, collector, (path, key), depth + 1)
        else:
            collector.error(
                f"the keys of a JSON object are texts, found {describe(key)}", render_path(path), code="wrong-type"
            )
    return plain


class Survey(Struct, frozen=True):
    """What a look at all of a value has found: whether it is nested in at most :data:`MAX_DEPTH` levels, and has
    numbers that are no integers.
    """

    is_within_depth: bool
    has_floats: bool


def survey(value: dict[str, Json]) -> Survey:
    """Look at all of a value, level by level; what lies deeper than :data:`MAX_DEPTH` is not looked at."""
    level: list[Any] = [value]
    has_floats = False
    for _ in range(MAX_DEPTH):
        level = [
            member
            for node in level
            for member in (node.values() if type(node) is dict else node)
            if type(member) in _LOOKED_FOR
        ]
        if float in map(type, level):
            has_floats = True
            level = [member for member in level if type(member) is not float]
        if not level:
            return Survey(True, has_floats)
    return Survey(False, has_floats)
