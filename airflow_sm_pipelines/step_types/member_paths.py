"""Dotted paths into JSON objects: ``OutputDataConfig.S3OutputPath``, ``InputDataConfig[].DataSource``.

The names are those of members; ``[]`` behind a name goes through the elements of its list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

EACH = "[]"


def member_at(value: Any, path: str) -> Any:
    """The member at a path without ``[]``, None where it is not there."""
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def members_at(value: Any, path: str) -> Iterator[Any]:
    """Every value that a path leads to, in document order.

    Where the object is there and its last member is not, this is None: it can be told apart from a missing way, which
    gives nothing.
    """
    return (member for _, member in located_members_at(value, path))


def located_members_at(value: Any, path: str, place: str = "") -> Iterator[tuple[str, Any]]:
    """Those of :func:`members_at`, each with its own path: ``InputDataConfig[0].DataSource``."""
    if not isinstance(value, Mapping):
        return
    name, _, rest = path.partition(".")
    own = name.removesuffix(EACH)
    member = value.get(own)
    found: Iterable[tuple[str, Any]] = ((f"{place}{own}", member),)
    if name.endswith(EACH):
        elements = member if isinstance(member, list | tuple) else ()
        found = ((f"{place}{own}[{index}]", element) for index, element in enumerate(elements))
    for where, one in found:
        if rest:
            yield from located_members_at(one, rest, f"{where}.")
        else:
            yield where, one


def with_members_at(value: Any, path: str, change: Callable[[Any], Any]) -> Any:
    """A JSON value in which each member that is at a path is changed; one that is missing or null stays so."""
    name, _, rest = path.partition(".")
    own = name.removesuffix(EACH)
    if not isinstance(value, Mapping) or value.get(own) is None:
        return value
    inner = partial(with_members_at, path=rest, change=change) if rest else change
    member = value[own]
    if not name.endswith(EACH):
        return {**value, own: inner(member)}
    return {**value, own: [inner(element) for element in member]} if isinstance(member, list) else value
