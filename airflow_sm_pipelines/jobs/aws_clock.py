"""AWS's clock, as its answers give it: the machine's own may be wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from airflow_sm_pipelines.jobs.job_lists import date_of


class AwsClock:
    """Translates the event loop's time to AWS's.

    :param wall: the machine's clock in epoch seconds, which counts until an answer has shown AWS's
    """

    def __init__(self, now: Callable[[], float], wall: Callable[[], float] = time.time) -> None:
        self._now = now
        self._ahead = wall() - now()

    def heard(self, answer: Mapping[str, Any]) -> None:
        """Take the time from an answer that has just come."""
        date = date_of(answer)
        if date is not None:
            self._ahead = date - self._now()

    def at(self, moment: float) -> float:
        """AWS's time, in epoch seconds, at a moment of the event loop's time."""
        return moment + self._ahead
