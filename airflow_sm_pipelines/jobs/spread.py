"""Looks at jobs spread over time, so that those of many jobs do not come at one moment.

After a triggerer has started it takes up all its triggers at once. What spreads them is made of a job's name and of
nothing random: a job has the same place in the interval after each start.
"""

from __future__ import annotations

from zlib import crc32

MIN_SHARE = 0.75


def place_of(name: str) -> float:
    """A job's place in an interval, from 0 to below 1."""
    return crc32(name.encode()) / 2**32


def first_pause(name: str, interval: float) -> float:
    """Seconds until the first look at a job: less than the interval, so that no end is seen later than otherwise."""
    return place_of(name) * interval


def spread_pause(name: str, turn: int, pause: float) -> float:
    """A pause that is up to a quarter shorter, by job and turn."""
    return pause * (MIN_SHARE + (1 - MIN_SHARE) * place_of(f"{name}/{turn}"))
