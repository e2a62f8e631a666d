"""Rates on demand: calls beyond so many a second are throttled, as AWS throttles them for an account."""

from __future__ import annotations

import fnmatch
import threading
from dataclasses import dataclass, field

from airflow_sm_pipelines.local.errors import ErrorShape
from airflow_sm_pipelines.local.limits import MAX_COUNT, MAX_RATE, MIN_RATE
from airflow_sm_pipelines.local.reader import Node

KEYS = ("service", "action", "per_second", "burst")
THROTTLED = ErrorShape("ThrottlingException", "Rate exceeded")


@dataclass(frozen=True)
class Rate:
    """How many calls of an action are taken in a second of the endpoint's clock.

    ``service`` and ``action`` are globs; each action that they match has a token bucket of its own, in each region. It
    holds ``burst`` calls and is full at the beginning. A call that finds it empty is throttled and takes nothing.
    """

    per_second: float
    service: str = "*"
    action: str = "*"
    burst: int = 1

    def matches(self, service: str, action: str) -> bool:
        """Whether the rate is one of such calls."""
        return fnmatch.fnmatchcase(service, self.service) and fnmatch.fnmatchcase(action, self.action)


def read_rate(node: Node) -> Rate:
    """A rate from its JSON form; raises :class:`ScenarioError` that names what is wrong."""
    members = node.only(KEYS)
    if "per_second" not in members:
        raise node.fail("a rate needs per_second")
    return Rate(
        per_second=members["per_second"].number(MIN_RATE, MAX_RATE),
        service=members["service"].name() if "service" in members else "*",
        action=members["action"].name() if "action" in members else "*",
        burst=members["burst"].integer(1, MAX_COUNT) if "burst" in members else 1,
    )


@dataclass
class _Bucket:
    calls: float
    filled_at: float


@dataclass
class RateBook:
    """The rates in force and how full their buckets are. Safe to use from several threads."""

    _rates: tuple[Rate, ...] = ()
    _buckets: dict[tuple[str, str, str], _Bucket] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def replace(self, rates: tuple[Rate, ...]) -> None:
        """Forget all rates and start with these, with full buckets."""
        with self._lock:
            self._rates = rates
            self._buckets = {}

    def meet(self, service: str, action: str, region: str, now: float) -> ErrorShape | None:
        """The error of a call beyond its rate; the first rate that matches an action counts. ``now`` is in seconds."""
        with self._lock:
            rate = next((rate for rate in self._rates if rate.matches(service, action)), None)
            if rate is None:
                return None
            bucket = self._buckets.setdefault((service, action, region), _Bucket(rate.burst, now))
            bucket.calls = min(rate.burst, bucket.calls + max(0.0, now - bucket.filled_at) * rate.per_second)
            bucket.filled_at = now
            # Of many small additions, the last bit may be missing.
            if bucket.calls < 1 - 1e-9:
                return THROTTLED
            bucket.calls -= 1
            return None
