"""When a job that is waited for is looked at next."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct
from typing_extensions import override


class PollPace(Struct, frozen=True):
    """Seconds between two looks at a job; after errors they double up to ``longest``."""

    interval: float
    longest: float

    def after(self, errors: int) -> float:
        """The pause after so many errors in a row."""
        if not errors:
            return self.interval
        # After some thousand errors the number would be too large for a float.
        return min(self.interval * 2.0 ** min(errors, 64), max(self.longest, self.interval))


class PollSchedule(Protocol):
    """When a job is looked at. ``at_most`` are seconds after which it is in any case."""

    async def first(self, at_most: float | None) -> None:
        """Wait for the first look."""

    def looked(self, described: Mapping[str, Any], began: float) -> None:
        """Note a look that was answered; ``began`` is the event loop's time when it was made."""

    async def following(self, at_most: float | None) -> None:
        """Wait for the next look after one that was answered."""

    def pause_after(self, error: Exception, errors: int) -> float:
        """Seconds until the next look after so many in a row that failed, the last one with this error."""


class AtIntervals(PollSchedule):
    """The schedule of a job that is waited for alone: a look at once, and then one in each interval."""

    def __init__(self, pace: PollPace) -> None:
        self._pace = pace

    @override
    async def first(self, at_most: float | None) -> None:
        return

    @override
    def looked(self, described: Mapping[str, Any], began: float) -> None:
        return

    @override
    async def following(self, at_most: float | None) -> None:
        await asyncio.sleep(self._pace.interval if at_most is None else min(self._pace.interval, at_most))

    @override
    def pause_after(self, error: Exception, errors: int) -> float:
        return self._pace.after(errors)
