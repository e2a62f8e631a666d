"""The hyperparameters that a tuning job whose training jobs really run tries: drawn by its seed, or all of a grid."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Ranges = Mapping[str, Any]


def chosen(strategy: str, ranges: Ranges, seed: str) -> Iterator[dict[str, str]]:
    """Values of each range, without end but for a Grid. The same seed gives the same ones.

    Strategies that learn from what was tried (Bayesian, Hyperband) draw at random here.
    """
    return _grid(ranges) if strategy == "Grid" else _drawn(ranges, random.Random(seed))  # noqa: S311 # no secret


def _grid(ranges: Ranges) -> Iterator[dict[str, str]]:
    entries = ranges.get("CategoricalParameterRanges", ())
    for values in itertools.product(*(entry["Values"] for entry in entries)):
        yield dict(zip((entry["Name"] for entry in entries), values, strict=True))


def _drawn(ranges: Ranges, dice: random.Random) -> Iterator[dict[str, str]]:
    while True:
        tuned = {}
        for entry in ranges.get("ContinuousParameterRanges", ()):
            tuned[entry["Name"]] = repr(_between(entry, dice))
        for entry in ranges.get("IntegerParameterRanges", ()):
            low, high = int(entry["MinValue"]), int(entry["MaxValue"])
            drawn = round(_between(entry, dice)) if _is_scaled(entry) else dice.randint(low, high)
            tuned[entry["Name"]] = str(min(max(drawn, low), high))
        for entry in ranges.get("CategoricalParameterRanges", ()):
            tuned[entry["Name"]] = dice.choice(entry["Values"])
        yield tuned


def _is_scaled(entry: Mapping[str, str]) -> bool:
    return entry.get("ScalingType") in ("Logarithmic", "ReverseLogarithmic")


def _between(entry: Mapping[str, str], dice: random.Random) -> float:
    low, high = float(entry["MinValue"]), float(entry["MaxValue"])
    share = dice.random()
    match entry.get("ScalingType"):
        case "Logarithmic" if low > 0:
            return math.exp(math.log(low) + (math.log(high) - math.log(low)) * share)
        case "ReverseLogarithmic" if high < 1:
            return 1 - math.exp(math.log(1 - low) + (math.log(1 - high) - math.log(1 - low)) * share)
        case _:
            return low + (high - low) * share


def job_name(parent: str, number: int, tuned: Sequence[tuple[str, str]]) -> str:
    """The name of a tuning job's training job."""
    digest = hashlib.sha256(f"{parent}/{number}/{sorted(tuned)}".encode()).hexdigest()
    return f"{parent}-{number:03}-{digest[:8]}"
