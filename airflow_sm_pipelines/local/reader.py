"""Reads JSON with errors that name the place: ``$.jobs[2].duration: expected a number, got "1s"``."""

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


class ScenarioError(ValueError):
    """A scenario or fault that cannot be used; the message begins with the JSON path of what is wrong."""


@dataclass(frozen=True)
class Node:
    """A JSON value and where it stands."""

    value: Any
    path: str = "$"

    def fail(self, message: str) -> ScenarioError:
        """The error to raise about this place."""
        return ScenarioError(f"{self.path}: {message}")

    def _wrong(self, wanted: str) -> ScenarioError:
        return self.fail(f"expected {wanted}, got {json.dumps(self.value, default=str)[:80]}")

    def text(self) -> str:
        """The value, a string."""
        if not isinstance(self.value, str):
            raise self._wrong("a string")
        return self.value

    def one_of(self, allowed: Collection[str]) -> str:
        """The value, one of the given strings."""
        if self.text() not in allowed:
            close = difflib.get_close_matches(self.text(), allowed, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise self.fail(f"{self.value!r} is none of {', '.join(sorted(allowed))}{hint}")
        return self.text()

    def number(self, minimum: float | None = None) -> float:
        """The value, a number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._wrong("a number")
        if minimum is not None and self.value < minimum:
            raise self.fail(f"must be at least {minimum:g}, got {self.value:g}")
        return float(self.value)

    def integer(self, minimum: int) -> int:
        """The value, a whole number of at least ``minimum``."""
        if self.number(minimum) != int(self.number()):
            raise self._wrong("a whole number")
        return int(self.value)

    def items(self) -> "Iterator[Node]":
        """The elements of the value, an array."""
        if not isinstance(self.value, list | tuple):
            raise self._wrong("an array")
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def members(self) -> "Mapping[str, Node]":
        """The members of the value, an object."""
        if not isinstance(self.value, Mapping):
            raise self._wrong("an object")
        return {str(key): Node(value, f"{self.path}.{key}") for key, value in self.value.items()}

    def only(self, known: Collection[str]) -> "Mapping[str, Node]":
        """The members of the value, an object that may have the ``known`` keys and no others."""
        members = self.members()
        for key, node in members.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
                raise node.fail(f"unknown key ({hint})")
        return members
