"""The scheduler's loops, as its metric ``scheduler.scheduler_loop_duration`` tells of each."""

from __future__ import annotations

import re
import socket
import statistics
import threading
from types import TracebackType
from typing import Self

SENT = re.compile(r"airflow\.scheduler\.scheduler_loop_duration:([0-9.]+)\|ms")


class LoopDurations:
    """A StatsD server that keeps the duration of each loop, in seconds."""

    def __init__(self) -> None:
        self._listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._listener.bind(("127.0.0.1", 0))
        self._seconds: list[float] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    @property
    def settings(self) -> dict[str, str]:
        """The variables that make Airflow send its metrics here."""
        return {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(self._listener.getsockname()[1]),
        }

    def taken(self) -> list[float]:
        """Those since the last time."""
        taken, self._seconds = self._seconds, []
        return taken

    def _listen(self) -> None:
        while True:
            try:
                received = self._listener.recv(65536)
            except OSError:
                return
            self._seconds += [float(found) / 1000 for found in SENT.findall(received.decode(errors="replace"))]


def in_words(loops: list[float]) -> str:
    """Their median, and what all but the slowest of twenty take at most."""
    if not loops:
        return "none told"
    high = sorted(loops)[int(len(loops) * 0.95) - 1] if len(loops) > 1 else loops[0]
    return f"median {statistics.median(loops) * 1000:.0f} ms, 95 % ≤ {high * 1000:.0f} ms ({len(loops)} loops)"
