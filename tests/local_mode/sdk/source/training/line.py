"""A line, and how it comes nearer to points."""

from __future__ import annotations

from collections.abc import Sequence

Rows = Sequence[tuple[float, float]]


class Line:
    """``label = slope * feature + intercept``."""

    def __init__(self, slope: float = 0.0, intercept: float = 0.0) -> None:
        self.slope, self.intercept = slope, intercept

    def predict(self, feature: float) -> float:
        return self.slope * feature + self.intercept

    def loss(self, rows: Rows) -> float:
        return sum((self.predict(feature) - label) ** 2 for label, feature in rows) / len(rows)

    def step(self, rows: Rows, rate: float) -> None:
        errors = [(self.predict(feature) - label, feature) for label, feature in rows]
        self.slope -= rate * 2 * sum(error * feature for error, feature in errors) / len(rows)
        self.intercept -= rate * 2 * sum(error for error, _ in errors) / len(rows)
