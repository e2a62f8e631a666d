"""What all rows have in common: sides measured in turn, and medians with their quartiles.

A machine is faster in one minute than in the next. So what is compared is measured in turn, and a ratio is that of two
measurements that follow each other.
"""

from __future__ import annotations

import gc
import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from msgspec import Struct


class Spread(Struct, frozen=True):
    """The median of some values between their quartiles. Of fewer than four values, between least and greatest."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        if len(values) < 4:
            return cls(min(values), statistics.median(values), max(values))
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


class Figure(Struct, frozen=True):
    """A line of a row's table.

    ``value`` is what the target is about, in ``unit``, and ``limit`` is the target, None where there is none.
    ``ours`` and ``against`` are the medians that it comes of, in words. A target is judged to three places.
    """

    what: str
    ours: str
    against: str
    value: Spread
    limit: float | None = None
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        return self.limit is None or round(self.value.median, 3) <= self.limit


Measure = Callable[[], float]
Sides = Mapping[str, Measure]


def in_turn(sides: Sides, rounds: int) -> dict[str, list[float]]:
    """What each side measures, one after another, again and again; each has one first time that does not count.

    The garbage collector is off: what lives already is set aside, nothing new is looked at in what is measured, and
    what a turn leaves behind is collected after it, as Dags are full of circles.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for measure in sides.values():
        measure()
    with no_collection():
        for _ in range(rounds):
            for name, measure in sides.items():
                taken[name].append(measure())
            gc.collect()
    return taken


def ratios(ours: Sequence[float], against: Sequence[float]) -> Spread:
    """Ours by the other, measured in the same turn."""
    return Spread.of([mine / other for mine, other in zip(ours, against, strict=True)])


def differences(ours: Sequence[float], against: Sequence[float]) -> Spread:
    """By how much ours is more than the other, measured in the same turn."""
    return Spread.of([mine - other for mine, other in zip(ours, against, strict=True)])


def cpu_seconds(work: Callable[[], object]) -> Measure:
    """The CPU time that this process takes for some work."""

    def measure() -> float:
        started = time.process_time()
        work()
        return time.process_time() - started

    return measure


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection in what is measured."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def process_cpu_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """The CPU time of a process and of those that it waited for.

    :raises RuntimeError: with its output, where it does not end with 0
    """
    with subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}:\n{told}")
    return usage.ru_utime + usage.ru_stime


def milliseconds(seconds: Sequence[float]) -> str:
    """Their median in words."""
    return f"{statistics.median(seconds) * 1000:.3g} ms"
