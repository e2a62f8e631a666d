"""The lines of a text that a finding speaks of, with the place marked."""

from __future__ import annotations

import json
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WIDTH = 100
"""Characters of a source line that are shown; a describe-pipeline response has its definition in a single one."""

MORE = 3
"""Lines that are shown after the first, if the value ends in them."""


def snippet(lines: Sequence[str], line: int, column: int) -> Iterator[str]:
    """The source line and a line of carets, with the line's number in front; nothing where there is no such line.

    Where a short value (an expression, mostly) goes on in the next lines, they follow.
    """
    if not 1 <= line <= len(lines):
        return
    source = _clean(lines[line - 1])
    start = min(column - 1, len(source))
    length, more = _extent(lines[line - 1 : line + MORE], start)
    end = start + length
    left, right = 0, len(source)
    if len(source) > WIDTH:
        left = max(0, min(start - WIDTH // 3, len(source) - WIDTH))
        right = left + WIDTH
    before, after = "…" if left else "", "…" if right < len(source) else ""
    shown = f"{before}{source[left:right]}{after}"
    marked = source[start : min(end, right)]
    digits = len(str(line + more))
    margin = " " * digits
    yield f"{margin} |"
    yield f"{line:>{digits}} | {shown}"
    indent = len(before) + _width(source[left:start])
    yield f"{margin} | {' ' * indent}{'^' * max(1, _width(marked))}"
    for number in range(line + 1, line + more + 1):
        following = _clean(lines[number - 1])
        yield f"{number:>{digits}} | {following[:WIDTH]}{'…' if len(following) > WIDTH else ''}"


def _extent(lines: Sequence[str], start: int) -> tuple[int, int]:
    """How much of the first line the value at ``start`` takes, and how many of the next lines, if it ends in them."""
    text = "\n".join(lines)[start:]
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 1, 0
    more = text.count("\n", 0, end)
    return (1 if more else end), more


def _clean(line: str) -> str:
    return line.replace("\t", " ").rstrip("\r\n")


def _width(text: str) -> int:
    """The columns that a text takes in a terminal: two for each of the wide characters."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
