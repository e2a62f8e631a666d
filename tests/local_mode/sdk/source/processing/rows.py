"""The rows that the pipelines of this folder work on: points near a line."""

from __future__ import annotations

import random

SLOPE, INTERCEPT, NOISE = 3.0, 1.0, 0.05


def make_rows(count: int, seed: int) -> list[tuple[float, float]]:
    """``count`` pairs of a label and its one feature."""
    source = random.Random(seed)
    features = [source.random() for _ in range(count)]
    return [(SLOPE * feature + INTERCEPT + source.gauss(0, NOISE), feature) for feature in features]
