"""What cannot be done is tried again and again, but not logged each time."""

from __future__ import annotations


class Refusals:
    """How often each thing was refused in a row: that is news the 1st, 2nd, 4th, 8th ... time."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def is_news(self, thing: int) -> bool:
        """Count one more refusal, and say whether to log it."""
        count = self._counts[thing] = self._counts.get(thing, 0) + 1
        return count & (count - 1) == 0

    def forget(self, thing: int) -> None:
        """Begin anew with what was not refused."""
        self._counts.pop(thing, None)

    def keep(self, things: set[int]) -> None:
        """Forget all others."""
        self._counts = {thing: count for thing, count in self._counts.items() if thing in things}
