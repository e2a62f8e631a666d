"""What a misspelt name was most likely meant to be. No guess is better than a wrong one."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_WORD_LENGTH = 100
"""Characters of a name for which it is guessed what was meant: no name of a definition that is longer is a slip."""

MAX_WORK = 1_000_000
"""What is spent on guesses for one document, about half a second: characters of candidates that are looked at, and
fields of the tables of comparisons. What is misspelt after that gets no guess."""

_MAX_EDITS = 2
_MIN_PART_LENGTH = 4
_NO_LETTER = re.compile(r"[\W_]+")
_DIGIT = re.compile(r"[0-9]")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+")


class Guesser:
    """Guesses within a budget, so that thousands of wrong names among thousands of right ones take no minutes."""

    __slots__ = ("_left",)

    def __init__(self, budget: int = MAX_WORK) -> None:
        self._left = budget

    def nearest(self, word: str, candidates: Iterable[str]) -> str | None:
        """The candidate that ``word`` was most likely meant to be, or None where none is, or two could be, or the
        budget is spent.

        It is the one of the same letters and digits, else the one that is few slips away, else the one that has the
        word as its first or last words, or that the word has as its own. Only so many candidates are looked at as the
        budget still allows.
        """
        if self._left <= 0 or not 0 < len(word) <= MAX_WORD_LENGTH:
            return None
        plain = normal(word)
        same: list[str] = []
        near: list[str] = []
        least = _edits_allowed(plain) + 1
        parts: list[str] = []
        for candidate in candidates:
            self._left -= 1
            if self._left <= 0:
                break
            if len(candidate) > 2 * MAX_WORD_LENGTH or candidate == word:
                continue
            self._left -= len(candidate)
            other = normal(candidate)
            if other == plain:
                same.append(candidate)
                continue
            if _singular(other) == _singular(plain):
                least, near = (1, [candidate]) if least > 1 else (least, [*near, candidate])
            elif abs(len(other) - len(plain)) <= least:
                self._left -= len(candidate) * (2 * _MAX_EDITS + 1)
                edits = _edits(plain, other, least)
                if edits < least and _of_series(word) != _of_series(candidate):
                    least, near = edits, [candidate]
                elif edits == least and near:
                    near.append(candidate)
            if (plain in other or other in plain) and _is_part(word, candidate):
                parts.append(candidate)
        found = same or near or parts
        return found[0] if len(found) == 1 else None


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """:meth:`Guesser.nearest` for a single guess."""
    return Guesser().nearest(word, candidates)


def normal(word: str) -> str:
    """The letters and digits of a word in lower case: what styles of writing have in common."""
    return _NO_LETTER.sub("", word).casefold()


def _of_series(name: str) -> str:
    """A name without what distinguishes it from others of its series: Train1 and Train2, TrainA and TrainB."""
    words = _words(_DIGIT.sub("", name))
    return "".join(words[:-1] if len(words) > 1 and len(words[-1]) == 1 else words)


def _singular(word: str) -> str:
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s")


def _edits_allowed(word: str) -> int:
    """A slip in a short word makes another word of it."""
    return 0 if len(word) < 2 else 1 if len(word) < 5 else _MAX_EDITS


def _is_part(one: str, other: str) -> bool:
    """Whether the shorter is the beginning or end of the longer, in whole words and at least half of it."""
    short, long = sorted((_words(one), _words(other)), key=len)
    if len("".join(short)) < _MIN_PART_LENGTH:
        return False
    if short and 2 * len(short) >= len(long) and short in (long[: len(short)], long[-len(short) :]):
        return True
    # Train and Training, CacheConf and CacheConfig.
    less, more = sorted(("".join(short), "".join(long)), key=len)
    return more.startswith(less) and 2 * len(less) >= len(more)


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _edits(one: str, other: str, limit: int) -> int:
    """How many letters are put in, left out, changed or swapped with the next; any number above ``limit`` for more."""
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(one, 1):
        older, before, row = before, row, [at] + [0] * len(other)
        for position, against in enumerate(other, 1):
            if abs(position - at) > limit:
                row[position] = limit + 1
                continue
            row[position] = min(row[position - 1] + 1, before[position] + 1, before[position - 1] + (letter != against))
            swapped = at > 1 and position > 1 and letter == other[position - 2] and one[at - 2] == against
            if swapped and older:
                row[position] = min(row[position], older[position - 2] + 1)
        if min(row) > limit:
            return limit + 1
    return row[-1]
