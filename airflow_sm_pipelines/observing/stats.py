"""Where metrics go: Airflow's stats, as its section ``[metrics]`` says."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

SWITCHES = ("statsd_on", "statsd_datadog_enabled", "otel_on")


def stats() -> Any | None:
    """Airflow's stats; None where they are off, and in a process without Airflow."""
    return airflows_stats() if "airflow" in sys.modules else None


@cache
def airflows_stats() -> Any | None:
    """The same in a process with Airflow, whose settings are read once."""
    from airflow.sdk.configuration import conf

    if not any(conf.getboolean("metrics", switch, fallback=False) for switch in SWITCHES):
        return None
    # Airflow has two copies of this module. The SDK's is set up in each task's process, and in any other (triggerer,
    # scheduler, API server) by the first import of its serialization; the server's copy is not, in a task's process.
    from airflow.sdk import serde  # noqa: F401
    from airflow.sdk.observability import stats as airflows

    return airflows
