"""How often a process refuses a request in full before it only says that there are too many."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

SECONDS_BETWEEN_WORDS = 60.0


class RefusalRate:
    """A token bucket: it holds the refusals of one minute, and fills at that rate.

    What it has none left for is logged once a minute, as a number.
    """

    def __init__(
        self, per_minute: int, clock: Callable[[], float] = time.monotonic, what: str = "the callback endpoint"
    ) -> None:
        self._most = float(per_minute)
        self._left = self._most
        self._clock = clock
        self._what = what
        self._filled_at = clock()
        self._unreported = 0
        self._reported_at = float("-inf")

    def allows(self) -> bool:
        """Take one refusal out of the bucket; False where it is empty."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._filled_at) * self._most / 60)
        self._filled_at = now
        allowed = self._left >= 1
        if allowed:
            self._left -= 1
        else:
            self._unreported += 1
        if self._unreported and now - self._reported_at >= SECONDS_BETWEEN_WORDS:
            log.warning("%d requests to %s were refused for their rate", self._unreported, self._what)
            self._unreported, self._reported_at = 0, now
        return allowed
