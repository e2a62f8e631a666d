"""AWS writes its patterns for Java; this turns them into Python's.

Differences that occur in botocore's models: ``\\p{L}`` and the like (Unicode categories and POSIX classes),
surrogate pairs for characters beyond U+FFFF, and a counted ``$``. Java's ``matches`` means the whole string,
and its ``\\d`` and ``\\w`` are ASCII.

Python's engine goes back over what it has read: a text that a loop can split in many ways is tried in all of them.
``(-*[a-z-])*`` is such a loop, and what it takes is what ``[a-z-]*`` takes.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Iterable

SURROGATES = r"\uD800\uDC00-\uDBFF\uDFFF"
POSIX = {"Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Digit": "0-9", "Upper": "A-Z", "Lower": "a-z", "ASCII": r"\x00-\x7f"}
LOOP = re.compile(r"\((?:\?:)?([^\\()\[\].*+?{}|^$]|\\[^\w])\*(\[(?:[^\]\\]|\\.)+\])\)([*+])")
"""A loop over any number of one character and then one of a class."""

CLASS = re.compile(r"\\p\{(\w+)\}")


def satisfies(pattern: str, value: str) -> bool:
    """Whether ``value`` as a whole matches a pattern of the service model.

    A pattern that Python cannot compile is taken as satisfied: better to let a wrong value pass than to refuse a
    right one.
    """
    found = compiled(pattern, ascii_only=value.isascii())
    return found is None or found.fullmatch(value) is not None


@functools.cache
def compiled(pattern: str, *, ascii_only: bool) -> re.Pattern[str] | None:
    """The Python pattern, good for ASCII values only or for all; ``None`` if there is none."""
    text = pattern.replace(SURROGATES, r"\U00010000-\U0010ffff")
    text = LOOP.sub(_plain_loop, re.sub(r"\$\{\d+,\d*\}", "$", text))
    try:
        if CLASS.search(text):
            text = CLASS.sub(lambda found: _class(found[1], ascii_only=ascii_only), text)
        return re.compile(text, re.ASCII)
    except (re.error, KeyError):
        return None


def _plain_loop(found: re.Match[str]) -> str:
    """The loop over the class alone, where the class has the character too: every text is taken by both or neither."""
    character, members, times = found.groups()
    literal = character.removeprefix("\\")
    return f"{members}{times}" if re.fullmatch(members, literal) else found[0]


def _class(name: str, *, ascii_only: bool) -> str:
    if name in POSIX:
        return POSIX[name]
    # All of Unicode takes a tenth of a second, and almost every value is ASCII.
    return _ranges(0x80 if ascii_only else sys.maxunicode + 1)[name]


@functools.cache
def _ranges(limit: int) -> dict[str, str]:
    members: dict[str, list[int]] = {letter: [] for letter in "LMNPSZC"}
    for code in range(limit):
        members[unicodedata.category(chr(code))[0]].append(code)
    return {letter: "".join(_spans(codes)) for letter, codes in members.items()}


def _spans(codes: Iterable[int]) -> Iterable[str]:
    start = previous = None
    for code in codes:
        if start is None or previous is None or code != previous + 1:
            if start is not None and previous is not None:
                yield f"\\U{start:08x}-\\U{previous:08x}"
            start = code
        previous = code
    if start is not None and previous is not None:
        yield f"\\U{start:08x}-\\U{previous:08x}"
