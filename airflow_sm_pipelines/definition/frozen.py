"""Read-only values: a mapping, and objects that compare by all of their fields but one.

``types.MappingProxyType`` can be neither copied nor pickled, and Airflow deep-copies what an operator holds;
so the mapping is a ``dict`` that refuses to change.
"""

from __future__ import annotations

from typing import NoReturn, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """A mapping of a definition. It compares equal to a plain ``dict`` of the same members; its values are frozen."""

    __slots__ = ()

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("what was read of a definition is read-only")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # its members are frozen, so it has a hash
        return hash(frozenset(self.items()))

    def __copy__(self) -> FrozenDict[K, V]:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> FrozenDict[K, V]:
        return self

    def __reduce__(self) -> tuple[type[FrozenDict[K, V]], tuple[dict[K, V]]]:
        return FrozenDict, (dict(self),)


class LastFieldNotCompared(Struct, frozen=True):
    """Two objects of one class are equal where all fields but the last are; what is last is no part of the value."""

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return astuple(self)[:-1] == astuple(other)[:-1]

    def __hash__(self) -> int:
        return hash(astuple(self)[:-1])
