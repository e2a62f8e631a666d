"""What a template can hold: texts, numbers, dates, and lists and objects of them, and no other thing of Python.

What comes from elsewhere (a variable, an XCom, a macro) is made plain before a template sees it. What Airflow has as an
object is a :class:`Names`: it has the members that are written down for it, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict

MAX_WORK = 300_000
"""How many characters and members a template may make and take in, all together."""
MAX_BITS = 20_000
"""Those of a whole number."""
MAX_DEPTH = 100
_SEVERAL = (list, tuple, dict)


class NotPlainError(TypeError):
    """Something is nothing that a template can hold."""


class TooMuchError(ValueError):
    """A template makes too much."""


class _Labelled(Struct, frozen=True, eq=False):
    label: str

    def __repr__(self) -> str:
        return self.label


class Function(_Labelled, frozen=True, eq=False):
    """What a template can call. ``label`` is its name in messages."""

    call: Callable[..., Any]


class Names(_Labelled, frozen=True, eq=False):
    """Named values. Those of ``later`` are asked for when they are read; ``call`` is there for a function."""

    members: Mapping[str, Any]
    later: Mapping[str, Callable[[], Any]] = FrozenDict()
    call: Callable[..., Any] | None = None

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.members, *self.later)


class Reader(_Labelled, frozen=True, eq=False):
    """Values that are asked for by any name, which ``get`` asks for too, with a value for what is not there."""

    read: Callable[[str], Any]
    get: Function


class Budget:
    """Counts what a template makes and takes in.

    :param most: how much that may be
    """

    def __init__(self, most: int = MAX_WORK) -> None:
        self._most = most
        self._left = most

    def spend(self, amount: int) -> None:
        """:raises TooMuchError: where nothing is left"""
        self._left -= amount
        if self._left < 0:
            raise TooMuchError(f"it makes more than {self._most:,} characters and members on its way")


def plain(value: Any, budget: Budget, depth: int = 0) -> Any:
    """A value as a template can hold it. All of it is counted.

    :raises NotPlainError: for what is none
    :raises TooMuchError: for what is too much
    """
    budget.spend(1)
    kind = type(value)
    if value is None or kind is bool or kind is float:
        return value
    if kind in _SEVERAL:
        return _members(value, budget, depth + 1)
    if isinstance(value, Function | Names | Reader):
        return value
    if isinstance(value, Enum):
        return plain(value.value, budget, depth + 1)
    if isinstance(value, str):
        budget.spend(len(value))
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise TooMuchError("it makes a number of too many digits")
        return value if type(value) is int else int(value)
    if isinstance(value, float):
        return value if type(value) is float else float(value)
    if isinstance(value, range):
        budget.spend(len(value))
    if isinstance(value, date | time | timedelta | UUID | range):
        return value
    return _members(value, budget, depth + 1)


def _members(value: Any, budget: Budget, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise TooMuchError("it makes a value that is nested too deeply")
    if isinstance(value, dict | Mapping):
        return {plain(key, budget, depth): plain(member, budget, depth) for key, member in value.items()}
    if isinstance(value, tuple):
        return tuple(plain(member, budget, depth) for member in value)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
        return [plain(member, budget, depth) for member in value]
    raise NotPlainError(
        f"it meets a value of the type {kind_of(value)}, and a template has texts, numbers, dates, and lists and"
        " objects of them"
    )


def kind_of(value: object) -> str:
    """The name of a type for a message."""
    of = type(value)
    return of.__qualname__ if of.__module__ == "builtins" else f"{of.__module__}.{of.__qualname__}"


def macro_fault(value: object) -> str | None:
    """Why a macro of the Dag's author cannot stand in a template, or None."""
    if callable(value):
        return None
    try:
        plain(value, Budget())
    except (NotPlainError, TooMuchError, RecursionError):
        return f"is a {kind_of(value)}: let user_defined_macros name the function, or the plain value, itself"
    return None
