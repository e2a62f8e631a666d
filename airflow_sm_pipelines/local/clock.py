"""The endpoint's clock: starts at the real time and may run faster than it."""

import time


class Clock:
    """Seconds since the epoch that pass ``scale`` times as fast as real ones."""

    def __init__(self, scale: float = 1.0) -> None:
        if scale <= 0:
            raise ValueError(f"time_scale must be above 0, got {scale}")
        self.scale = scale
        self.reset()

    def reset(self) -> None:
        """Start at the real time again."""
        self._epoch = time.time()
        self._origin = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` of the endpoint's time pass at once."""
        self._epoch += seconds

    def now(self) -> float:
        """The endpoint's time in seconds since the epoch."""
        return self._epoch + (time.monotonic() - self._origin) * self.scale

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds`` of the endpoint's time."""
        time.sleep(seconds / self.scale)
