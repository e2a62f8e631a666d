"""A StatsD server that receives our metrics."""

from __future__ import annotations

import contextlib
import importlib.util
import re
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from airflow_sm_pipelines.observing import stats as our_stats
from tests.system.processes import missing

LINE = re.compile(r"airflow\.(?P<name>sm_pipelines\..*):(?P<value>[-0-9.]+)\|(?P<kind>c|g|ms)")
ENDED = "sm_pipelines.jobs.ended,step_type=Training,end="


@dataclass(frozen=True)
class StatsD:
    """A StatsD server, and what Airflow's own stats have sent to it."""

    listener: socket.socket

    def received(self) -> Counter[str]:
        """What has come since the last time, by name with tags: sums of our counters and of the milliseconds of our
        timers, last values of our gauges.
        """
        found: Counter[str] = Counter()
        with contextlib.suppress(BlockingIOError):
            while True:
                for line in self.listener.recv(65536).decode().splitlines():
                    if (sent := LINE.fullmatch(line)) is not None:
                        before = 0 if sent["kind"] == "g" else found[sent["name"]]
                        found[sent["name"]] = before + int(float(sent["value"]))
        return found

    def ends(self) -> dict[str, int]:
        """How the training jobs have ended since the last time."""
        return {name.removeprefix(ENDED): count for name, count in self.received().items() if name.startswith(ENDED)}


def set_up_stats() -> None:
    """Set Airflow's stats up as each of its processes does when it starts."""
    from airflow.sdk.observability import stats
    from airflow.sdk.observability.metrics import stats_utils

    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=True)
    our_stats.airflows_stats.cache_clear()


@contextmanager
def statsd_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatsD]:
    """A server to which the metrics of this process go."""
    if importlib.util.find_spec("statsd") is None:
        missing("no statsd")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener.bind(("127.0.0.1", 0))
        listener.setblocking(False)
        with monkeypatch.context() as patch:
            for name, value in {
                "STATSD_ON": "True",
                "STATSD_HOST": "127.0.0.1",
                "STATSD_PORT": str(listener.getsockname()[1]),
                "STATSD_INFLUXDB_ENABLED": "True",
            }.items():
                patch.setenv(f"AIRFLOW__METRICS__{name}", value)
            set_up_stats()
            yield StatsD(listener)
        set_up_stats()
