"""Reads JSON with errors that name the place: ``$.jobs[2].duration: expected a number, got "1s"``."""

from __future__ import annotations

import difflib
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_sm_pipelines.local.json_text import is_deep, shown
from airflow_sm_pipelines.local.limits import MAX_DEPTH, MAX_FLOAT, MAX_ITEMS, MAX_NAME, MAX_TEXT


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
        return self.fail(f"expected {wanted}, got {shown(self.value)}")

    def text(self, longest: int = MAX_TEXT) -> str:
        """The value, a string of at most ``longest`` characters that UTF-8 can write."""
        if not isinstance(self.value, str):
            raise self._wrong("a string")
        if len(self.value) > longest:
            raise self.fail(f"has {len(self.value)} characters, at most {longest} are allowed")
        if any("\ud800" <= character <= "\udfff" for character in self.value):
            raise self.fail("has half of a surrogate pair, which is no character")
        return self.value

    def name(self) -> str:
        """The value, a name or glob: a string of at most ``MAX_NAME`` characters, without NUL."""
        if "\0" in self.text(MAX_NAME):
            raise self.fail("a name cannot have the character U+0000")
        return self.text()

    def one_of(self, allowed: Collection[str]) -> str:
        """The value, one of the given strings."""
        if self.name() not in allowed:
            close = difflib.get_close_matches(self.text(), allowed, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise self.fail(f"{self.value!r} is none of {', '.join(sorted(allowed))}{hint}")
        return self.text()

    def number(self, minimum: float = -MAX_FLOAT, maximum: float = MAX_FLOAT) -> float:
        """The value, a finite number of these bounds."""
        if isinstance(self.value, bool) or not isinstance(self.value, int | float):
            raise self._wrong("a number")
        if isinstance(self.value, float) and math.isnan(self.value):
            raise self.fail("NaN is no number")
        if self.value < minimum:
            raise self.fail(f"must be at least {minimum:.12g}, got {shown(self.value)}")
        if self.value > maximum:
            raise self.fail(f"must be at most {maximum:.12g}, got {shown(self.value)}")
        return float(self.value)

    def integer(self, minimum: int, maximum: int) -> int:
        """The value, a whole number of these bounds."""
        if self.number(minimum, maximum) != int(self.value):
            raise self._wrong("a whole number")
        return int(self.value)

    def data(self) -> Any:
        """The value, whatever JSON it is, within the limits of depth, items and texts."""
        if is_deep(self.value):
            raise self.fail(f"more than {MAX_DEPTH} levels deep")
        self._check_data()
        return self.value

    def items(self) -> Iterator[Node]:
        """The elements of the value, an array."""
        if not isinstance(self.value, list | tuple):
            raise self._wrong("an array")
        self._check_length()
        for index, value in enumerate(self.value):
            yield Node(value, f"{self.path}[{index}]")

    def members(self) -> Mapping[str, Node]:
        """The members of the value, an object."""
        if not isinstance(self.value, Mapping):
            raise self._wrong("an object")
        self._check_length()
        nodes = {str(key): Node(value, f"{self.path}.{str(key)[:MAX_NAME]}") for key, value in self.value.items()}
        for key in nodes:
            Node(key, self.path).name()
        return nodes

    def only(self, known: Collection[str]) -> Mapping[str, Node]:
        """The members of the value, an object that may have the ``known`` keys and no others."""
        members = self.members()
        for key, node in members.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(known))}"
                raise node.fail(f"unknown key ({hint})")
        return members

    def _check_length(self) -> None:
        if len(self.value) > MAX_ITEMS:
            raise self.fail(f"has {len(self.value)} items, at most {MAX_ITEMS} are allowed")

    def _check_data(self) -> None:
        match self.value:
            case Mapping():
                for member in self.members().values():
                    member._check_data()
            case list() | tuple():
                for element in self.items():
                    element._check_data()
            case str():
                self.text()
            case float() if not math.isfinite(self.value):
                raise self._wrong("a finite number")
            case _:
                pass
