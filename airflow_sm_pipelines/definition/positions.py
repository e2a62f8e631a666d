"""Lines and columns of findings: where the JSON path of each stands in the text it was read from.

Nothing here runs for a document without findings. The text was parsed before, so it is valid JSON; a small scanner
goes through it once for each level of the paths that are looked for, and skips whatever stands beside them.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.expressions import Index
from airflow_sm_pipelines.definition.place import WHOLE
from airflow_sm_pipelines.definition.tokenizer import TokenError, parse_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.place import Keys, Place

_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|[^\\]", re.DOTALL
)


class _Spot(Struct, frozen=True):
    """The offset of a value, and that of its key where it stands in an object."""

    value: int
    key: int

    def of(self, finding: Finding) -> int:
        return self.key if finding.on_key else self.value


def with_positions(findings: Iterable[Finding], text: str | None, place: Place = WHOLE) -> list[Finding]:
    """The findings with the line and column of their paths; those that have them, and all without a text, as they are.

    Where a path does not exist in the text (a key is missing), what it would stand in counts. The places of a
    definition that is itself a text in another document are those in that document's text.
    """
    listed = list(findings)
    open_ = [finding for finding in listed if finding.line is None]
    if text is None or not open_:
        return listed
    text = text.removeprefix("\ufeff")
    offsets = _offsets(open_, text, place)
    lines = LineIndex(text)
    return [
        finding if (offset := offsets.get(finding)) is None else finding.at(*place.shift(*lines.position(offset)))
        for finding in listed
    ]


class LineIndex:
    """From offsets of a text to lines and columns, both counted from 1."""

    def __init__(self, text: str) -> None:
        self._breaks = [found.start() for found in re.finditer("\n", text)]

    def position(self, offset: int) -> tuple[int, int]:
        line = bisect_left(self._breaks, offset)
        start = self._breaks[line - 1] + 1 if line else 0
        return line + 1, offset - start + 1


def place_in_text(text: str, place: Place, offset: int) -> tuple[int, int]:
    """The line and column of a character of the definition that is itself a text in another document."""
    text = text.removeprefix("\ufeff")
    start = len(text) - len(text.lstrip())
    definition = _find(text, start, [place.definition])[place.definition].value
    return place.shift(*LineIndex(text).position(_through_escapes(text, definition, [offset])[offset]))


def _offsets(findings: list[Finding], text: str, place: Place) -> dict[Finding, int]:
    start = len(text) - len(text.lstrip())
    keys_of = {finding: _keys(finding.path) for finding in findings}
    outer = {finding: outside for finding, keys in keys_of.items() if (outside := place.outside(keys)) is not None}
    inner = {finding: keys for finding, keys in keys_of.items() if finding not in outer}
    spots = _find(text, start, [place.definition, *outer.values()])
    found = {finding: spots[keys].of(finding) for finding, keys in outer.items()}
    definition = spots[place.definition].value
    literal = _STRING.match(text, definition)
    if literal is None:
        spots = _find(text, definition, inner.values())
        return found | {finding: spots[keys].of(finding) for finding, keys in inner.items()}
    content: str = json.loads(literal.group())
    content_start = len(content) - len(content.lstrip("\ufeff \t\r\n"))
    spots = _find(content, content_start, inner.values())
    inside = {finding: spots[keys].of(finding) for finding, keys in inner.items()}
    escaped = _through_escapes(text, definition, inside.values())
    return found | {finding: escaped[offset] for finding, offset in inside.items()}


def _keys(path: str) -> Keys:
    try:
        tokens = parse_path(path.removeprefix("$"))
    except TokenError:
        # No path of this document: the document as a whole is meant.
        return ()
    return tuple([token.position if isinstance(token, Index) else token.name for token in tokens])


def _find(text: str, start: int, wanted: Iterable[Keys]) -> dict[Keys, _Spot]:
    """Where each of the paths below the value at ``start`` is, or the last part of it that exists."""
    all_wanted = list(dict.fromkeys(wanted))
    found = dict.fromkeys(all_wanted, _Spot(start, start))
    open_: list[tuple[_Spot, int, list[Keys]]] = [(_Spot(start, start), 0, [keys for keys in all_wanted if keys])]
    while open_:
        here, depth, paths = open_.pop()
        if not paths or text[here.value : here.value + 1] not in ("{", "["):
            continue
        below: dict[str | int, list[Keys]] = {}
        for keys in paths:
            below.setdefault(keys[depth], []).append(keys)
        # A key that stands twice counts where it stands last, as for the parser.
        spots = {key: spot for key, spot in _children(text, here.value) if key in below}
        for key, spot in spots.items():
            found.update(dict.fromkeys(below[key], spot))
            open_.append((spot, depth + 1, [keys for keys in below[key] if len(keys) > depth + 1]))
    return found


def _children(text: str, start: int) -> Iterator[tuple[str | int, _Spot]]:
    """The members of the object, or the elements of the array, that begins at ``start``."""
    is_object = text[start] == "{"
    depth, index, key_at = 0, 0, start
    key: str | None = None
    for token in _TOKEN.finditer(text, start):
        at = token.start()
        first = text[at]
        if first in "}]":
            depth -= 1
            if not depth:
                return
            continue
        if depth == 1:
            if first == ",":
                index, key = index + 1, None
            elif is_object and key is None:
                key, key_at = json.loads(token.group()), at
            elif first != ":":
                yield (key if key is not None else index), _Spot(at, key_at if is_object else at)
        if first in "{[":
            depth += 1


def _through_escapes(text: str, start: int, offsets: Iterable[int]) -> dict[int, int]:
    """Offsets within the string that begins at ``start``, as offsets of the text that writes it with escapes."""
    wanted = frozenset(offsets)
    last = max(wanted, default=-1)
    found: dict[int, int] = {}
    position = start + 1
    for count, character in enumerate(_CHARACTER.finditer(text, start + 1)):
        position = character.start()
        if count in wanted:
            found[count] = position
        if count >= last:
            break
    return {offset: found.get(offset, position) for offset in wanted}
