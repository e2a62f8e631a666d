"""What a misspelt name was most likely meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST_WORD = 100
"""Characters of a name for which it is guessed what was meant: no name of a definition that is longer is a slip."""

MOST_WORK = 1_000_000
"""What is spent on guesses for one document, about half a second: pairs of characters that a full comparison may look
at, and characters of candidates that a quick look rules out. What is misspelt after that gets no guess."""

_CUTOFF = 0.6


class Guesser:
    """Guesses within a budget, so that thousands of wrong names among thousands of right ones take no minutes."""

    __slots__ = ("_left",)

    def __init__(self, budget: int = MOST_WORK) -> None:
        self._left = budget

    def nearest(self, word: str, candidates: Iterable[str]) -> str | None:
        """The candidate that ``word`` was most likely meant to be, or None where none is near or the budget is spent.

        Only so many candidates are looked at as the budget still allows.
        """
        if self._left <= 0 or not 0 < len(word) <= LONGEST_WORD:
            return None
        folded = word.casefold()
        best, best_ratio = None, _CUTOFF
        matcher = difflib.SequenceMatcher()
        matcher.set_seq2(folded)
        for candidate in candidates:
            self._left -= 1
            if self._left <= 0:
                break
            if not _may_be_near(len(folded), len(candidate), best_ratio):
                continue
            matcher.set_seq1(candidate.casefold())
            self._left -= len(candidate)
            if matcher.quick_ratio() < best_ratio:
                continue
            self._left -= len(candidate) * len(folded)
            ratio = matcher.ratio()
            if ratio >= best_ratio and (best is None or ratio > best_ratio):
                best, best_ratio = candidate, ratio
        return best


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """:meth:`Guesser.nearest` for a single guess."""
    return Guesser().nearest(word, candidates)


def _may_be_near(one: int, other: int, ratio: float) -> bool:
    """Whether two texts of these lengths can be alike to that degree."""
    return 2 * min(one, other) >= ratio * (one + other)
