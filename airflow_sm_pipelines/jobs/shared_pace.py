"""The pace that all looks of a group of jobs keep: it widens while AWS throttles them, and narrows again."""

from __future__ import annotations


class SharedPace:
    """How many times as long as their intervals the pauses of a group are. Times are those of the event loop.

    It changes once in an interval at most: a hundred looks that are throttled at one moment are one sign.
    """

    def __init__(self) -> None:
        self.factor = 1.0
        self._changed = self._throttled = float("-inf")

    def throttled(self, now: float, interval: float, longest: float) -> None:
        """AWS has throttled a look."""
        self._throttled = now
        if self._may_change(now, interval):
            self.factor = min(self.factor * 2, max(longest / interval, 1.0))
            self._changed = now

    def answered(self, now: float, interval: float) -> None:
        """AWS has answered a look."""
        quiet = now - self._throttled >= interval * self.factor
        if self.factor > 1 and quiet and self._may_change(now, interval):
            self.factor = max(self.factor / 2, 1.0)
            self._changed = now

    def _may_change(self, now: float, interval: float) -> bool:
        return now - self._changed >= interval * self.factor
