"""Dotted paths into JSON objects: ``OutputDataConfig.S3OutputPath``, ``InputDataConfig[].DataSource``.

The names are those of members; ``[]`` behind a name goes through the elements of its list.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    name, _, rest = path.partition(".")
    if not isinstance(value, Mapping):
        return
    member = value.get(name.removesuffix(EACH))
    members: Sequence[Any] = (member,)
    if name.endswith(EACH):
        members = member if isinstance(member, list | tuple) else ()
    for one in members:
        if rest:
            yield from members_at(one, rest)
        else:
            yield one
