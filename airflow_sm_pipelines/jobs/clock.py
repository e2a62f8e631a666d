"""The time, as something that can be handed in."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Gives the time and waits."""

    def time(self) -> float:
        """Now, in epoch seconds."""

    def monotonic(self) -> float:
        """Seconds of a clock that is never set."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


SYSTEM_CLOCK: Clock = time
"""The machine's own."""
