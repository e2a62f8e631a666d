"""What the dags file that makes a definition's Dag gives it in Python, as far as its text shows: for ``explain``.

Nothing is run. What is no literal is shown as the code that stands there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.cli.dags_files import Maker, makers_in
from airflow_sm_pipelines.sidecars.explained import Code
from airflow_sm_pipelines.sidecars.layers import ADDED, STEPS, Given, Key, Layer, Merged, Origin, StepEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_LOADER = frozenset({"folder", "pattern", "exclude", "overrides", "on_error", "dag_ids"})
_OF_THE_CLASS = frozenset({"definition", "dag_id", "source", "on_error"})
_MAX_PARENTS = 4
"""How many folders above a definition are looked through for the dags file."""


def with_python(merged: Merged, definition: Path, dag_id: str) -> Merged:
    """The settings of a Dag with those of the dags file that makes it; files of settings count for a loader alone."""
    place = definition.parent.resolve() / definition.name
    makers = [maker for maker in _makers_near(place) if maker.makes(place, dag_id)]
    if not makers:
        return merged
    maker = makers[0]
    if not maker.is_loader:
        return Merged.of([_layer(maker.place, _keywords(maker, _OF_THE_CLASS))])
    shared = _layer(maker.place, _keywords(maker, _OF_THE_LOADER))
    return Merged.of([shared, *merged.layers, *_overrides(maker, dag_id)])


def _makers_near(definition: Path) -> Iterator[Maker]:
    for folder in definition.parents[:_MAX_PARENTS]:
        for file in sorted(folder.glob("*.py")):
            yield from makers_in(file)


def _keywords(maker: Maker, own: frozenset[str]) -> Iterator[tuple[str, ast.expr]]:
    assert maker.call is not None
    for keyword in maker.call.keywords:
        name = "**" if keyword.arg is None else keyword.arg
        if name not in own:
            yield name, keyword.value


def _overrides(maker: Maker, dag_id: str) -> Iterator[Layer]:
    """Those of globs in their order, then those of the very dag id."""
    assert maker.call is not None
    given = next((keyword.value for keyword in maker.call.keywords if keyword.arg == "overrides"), None)
    entries = list(_members(given))
    for is_own in (False, True):
        for key, value in entries:
            if (key == dag_id) is is_own and fnmatchcase(dag_id, key):
                yield _layer(f"{maker.place}, overrides[{key!r}]", _members(value))


def _layer(source: str, members: Iterable[tuple[str, ast.expr]]) -> Layer:
    origin = Origin(source)
    values: dict[Key, Given] = {}
    steps: list[StepEntry] = []
    for name, node in members:
        inner = list(_members(node))
        if name == STEPS and inner:
            steps += [StepEntry(pattern, _given(own, origin), origin) for pattern, own in inner]
        elif name in ADDED and (inner or _value(node) in ({}, None)):
            values |= {(name, key): given for key, given in _given_of(inner, origin).items()}
        else:
            values[(name,)] = Given(_value(node), origin)
    return Layer(source, values, tuple(steps), is_shared=True)


def _given(node: ast.expr, origin: Origin) -> Mapping[str, Given]:
    return _given_of(_members(node), origin)


def _given_of(members: Iterable[tuple[str, ast.expr]], origin: Origin) -> dict[str, Given]:
    return {name: Given(_value(node), origin) for name, node in members}


def _members(node: ast.expr | None) -> Iterator[tuple[str, ast.expr]]:
    """Those of a mapping that is written as one, or as ``dict(...)``."""
    if isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                yield key.value, value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        yield from ((keyword.arg, keyword.value) for keyword in node.keywords if keyword.arg is not None)


def _value(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return Code(ast.unparse(node))
