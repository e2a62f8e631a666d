"""Tasks whose execution_timeout is over when a test wants it to be, and not after so many seconds."""

from __future__ import annotations

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from tests.runs.harness import Airflow
from tests.waiting import LOOK_SECONDS

# More than a step needs to get to where it waits, on however busy a machine.
LIMIT = timedelta(minutes=10)


# A callback of the event loop can swallow the alarm: who has looked so often since then has not noticed it.
LOOKS_AFTER_ALARM = 40


class LateClock:
    """The clock of a trigger that has waited for longer than a task may take."""

    @staticmethod
    def time() -> float:
        return time.time() + LIMIT.total_seconds() + 60


@contextmanager
def time_over_in_trigger() -> Iterator[dict[str, Any]]:
    """The default_args of deferred tasks whose time is over once their trigger has looked for the first time."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("jobs", "callbacks"):
            patch.setattr(f"airflow_sm_pipelines.{module}.waiting.time", LateClock)
        yield {"execution_timeout": LIMIT}


@contextmanager
def time_over_in_worker(waiting: Callable[[], Collection[Any]]) -> Iterator[dict[str, Any]]:
    """The default_args of tasks that hold their worker, and that Airflow's alarm ends for each thing that they are
    seen ``waiting`` for.
    """
    ended = threading.Event()
    alarmed: dict[str, int] = {}

    def alarm() -> None:
        while not ended.wait(LOOK_SECONDS):
            seen = Counter(map(str, waiting()))
            due = [
                each
                for each, looks in seen.items()
                if looks - alarmed.get(each, -LOOKS_AFTER_ALARM) >= LOOKS_AFTER_ALARM
            ]
            for each in due[:1]:
                alarmed[each] = seen[each]
                # Airflow has set it to the limit. It reaches the main thread, in which the task runs.
                signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS)

    watcher = threading.Thread(target=alarm, daemon=True)
    watcher.start()
    try:
        yield {"execution_timeout": LIMIT}
    finally:
        ended.set()
        watcher.join()
    assert alarmed, "nothing was waited for"


@contextmanager
def time_over(
    airflow: Airflow, *, deferrable: bool = True, look: str = "DescribeTrainingJob"
) -> Iterator[dict[str, Any]]:
    """The default_args of tasks whose time is over once they have looked at their job, with the action ``look``."""

    def looked_at() -> list[dict[str, Any]]:
        return [dict(call.parameters) for call in airflow.endpoint.requests() if call.action == look]

    with time_over_in_trigger() if deferrable else time_over_in_worker(looked_at) as default_args:
        yield default_args
