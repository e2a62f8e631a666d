"""The endpoint's clock: starts at the real time and may run faster than it."""

from __future__ import annotations

import time

from airflow_sm_pipelines.local.limits import LATEST_TIME, MAX_TIME_SCALE, MIN_TIME_SCALE


def check_time_scale(scale: float) -> float:
    """The scale; raises ``ValueError`` for one that no clock can have, NaN included."""
    if not MIN_TIME_SCALE <= scale <= MAX_TIME_SCALE:
        raise ValueError(f"time_scale must be between {MIN_TIME_SCALE:g} and {MAX_TIME_SCALE:g}, got {scale:g}")
    return scale


class Clock:
    """Seconds since the epoch that pass ``scale`` times as fast as real ones, up to the year 3000."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = check_time_scale(scale)
        self.reset()

    def reset(self) -> None:
        """Start at the real time again."""
        self._epoch = time.time()
        self._origin = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` of the endpoint's time pass at once."""
        self._epoch = min(self._epoch + seconds, LATEST_TIME)

    def now(self) -> float:
        """The endpoint's time in seconds since the epoch."""
        return min(self._epoch + (time.monotonic() - self._origin) * self.scale, LATEST_TIME)

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of the endpoint's time."""
        time.sleep(seconds / self.scale)
