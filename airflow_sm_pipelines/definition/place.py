"""Where in a document the definition is, for the lines and columns of findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.definition.wrapping import WRAPPER_KEYS

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.cloudformation import Excerpt
    from airflow_sm_pipelines.definition.paths import JsonPath

Keys: TypeAlias = "tuple[str | int, ...]"


class Place(Struct, frozen=True):
    """Where in a text the definition and what stands around it are: the keys of each, from the text's outermost value.

    ``base`` are the keys that the paths of findings have before them where the text is a part of a document, which
    begins at ``line`` and ``column`` of it. The definition may be a text there.
    """

    wrapper: Keys | None = None
    definition: Keys = ()
    base: Keys = ()
    line: int = 1
    column: int = 1

    @classmethod
    def of(cls, base: JsonPath, wrapper: JsonPath, definition: JsonPath, excerpt: Excerpt | None) -> Place:
        """The place by JSON paths; ``excerpt`` is the part of a document that the text is."""
        start = path_keys(base)
        outer = None if wrapper is None and definition is None else path_keys(wrapper)[len(start) :]
        line, column = (1, 1) if excerpt is None else (excerpt.line, excerpt.column)
        return cls(outer, path_keys(definition)[len(start) :], start, line, column)

    def outside(self, keys: Keys) -> Keys | None:
        """The keys, from the text's outermost value, of a place outside of the definition; None for one inside."""
        if self.base and keys[: len(self.base)] == self.base:
            return keys[len(self.base) :]
        if self.wrapper is None or self.base:
            return None
        count = len(self.wrapper)
        beside = keys[:count] == self.wrapper and len(keys) > count and keys[count] in WRAPPER_KEYS
        return keys if beside else None

    def shift(self, line: int, column: int) -> tuple[int, int]:
        """A place in the text as a place in the document that it is a part of."""
        return line + self.line - 1, column + self.column - 1 if line == 1 else column


WHOLE = Place()
"""The text is a definition."""


def path_keys(path: JsonPath) -> Keys:
    """The keys of a JSON path, outermost first."""
    keys: list[str | int] = []
    while path is not None:
        path, key = path
        keys.append(key)
    return tuple(reversed(keys))
