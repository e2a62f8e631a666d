"""Texts of a definition in whose place a deployment puts others: whole prefixes, at the JSON paths that it lists.

The replaced definition is what is read, checked, counted in the digest and run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from airflow_sm_pipelines.definition.paths import JsonPath, render_path, shorten
from airflow_sm_pipelines.definition.secrets import names_over

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.definition.syntax import Json

MAX_REPLACEMENTS = 100
"""The replacements that a Dag may have."""

_TOKEN = re.compile(r"\.(?P<member>[A-Za-z_][\w-]*)|\[(?P<index>[0-9]{1,6})\]|\[(?P<any>\*)\]|\['(?P<name>[^'\]]+)'\]")
# A prefix is whole where one of these ends it: not s3://dev of s3://dev-data/x.
_ENDS = ("/", ":", "?", "#", "@")
_REFERENCE = "Get"

Part: TypeAlias = "str | int | None"
"""A step of a path: a member or the Name of an element, an index, or None for all elements."""


class PathError(ValueError):
    """A text that is no path to be replaced at."""


class Replacement(Struct, frozen=True):
    """``old`` at the beginning of a text becomes ``new``, at each of the places ``at`` and in what stands below it."""

    at: tuple[str, ...]
    old: str
    new: str
    line: int | None = None
    column: int | None = None


class Replaced(Struct, frozen=True):
    """One text that was replaced, by which of the replacements and at which path of it.

    ``names`` are those that say whether it is a secret.
    """

    index: int
    at: str
    path: str
    before: str
    after: str
    names: frozenset[str] = frozenset()

    def is_hidden(self, is_secret: IsSecret) -> bool:
        return any(map(is_secret, self.names))


def tokens_of(path: str) -> tuple[Part, ...]:
    """The steps of a path such as ``$.Steps['Train'].Arguments.InputDataConfig[*].DataSource``.

    :raises PathError: for what is none
    """
    if not path.startswith("$"):
        raise PathError(f"a JSON path begins with $, and {shorten(path)!r} does not")
    tokens: list[Part] = []
    at = 1
    while at < len(path):
        found = _TOKEN.match(path, at)
        if found is None:
            forms = ".Name, [0], [*] or ['Name']"
            raise PathError(f"the JSON path {shorten(path)!r} cannot be read at column {at + 1}: expected {forms}")
        index = found["index"]
        tokens.append(int(index) if index is not None else None if found["any"] else found["member"] or found["name"])
        at = found.end()
    return tuple(tokens)


def replace_in(definition: Json, replacements: Sequence[Replacement]) -> tuple[Json, tuple[Replaced, ...]]:
    """The definition with what stands in the place of its own texts, and which these are."""
    done: list[Replaced] = []
    for index, replacement in enumerate(replacements):
        for at in replacement.at:
            job = _Job(index, at, replacement, done)
            definition = job.walk(definition, tokens_of(at), None, frozenset())
    return definition, tuple(done)


class _Job(Struct, frozen=True):
    index: int
    at: str
    replacement: Replacement
    done: list[Replaced]

    def walk(self, value: Json, tokens: Sequence[Part], path: JsonPath, names: frozenset[str]) -> Json:
        """A copy of a value, as far as it changes, with what is replaced where the tokens lead."""
        if not tokens:
            return self.below(value, path, names)
        if isinstance(value, dict) and isinstance(tokens[0], str) and tokens[0] in value:
            key = tokens[0]
            return {**value, key: self.walk(value[key], tokens[1:], (path, key), names.union(names_over(value, key)))}
        if isinstance(value, list):
            chosen = set(_chosen(value, tokens[0]))
            return [
                self.walk(each, tokens[1:], (path, index), names) if index in chosen else each
                for index, each in enumerate(value)
            ]
        return value

    def below(self, value: Json, path: JsonPath, names: frozenset[str]) -> Json:
        if isinstance(value, str):
            return self.text(value, path, names)
        if isinstance(value, list):
            return [self.below(each, (path, index), names) for index, each in enumerate(value)]
        if isinstance(value, dict):
            # What a reference names is of this definition.
            return {
                key: each if key == _REFERENCE else self.below(each, (path, key), names.union(names_over(value, key)))
                for key, each in value.items()
            }
        return value

    def text(self, text: str, path: JsonPath, names: frozenset[str]) -> str:
        old = self.replacement.old
        rest = text.removeprefix(old)
        if not text.startswith(old) or not (rest == "" or old.endswith(_ENDS) or rest.startswith(_ENDS)):
            return text
        after = self.replacement.new + rest
        self.done.append(Replaced(self.index, self.at, render_path(path), text, after, names))
        return after


def _chosen(value: list[Json], token: Part) -> Iterator[int]:
    """Which elements of a list a step of a path is for."""
    for index, each in enumerate(value):
        if token is None or index == token or (isinstance(each, dict) and each.get("Name") == token):
            yield index
