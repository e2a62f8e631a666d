"""A training job's metrics, found in its log by the regular expressions of its MetricDefinitions."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping


class Metrics:
    """Reads lines; ``values`` are the last ones found, by the metric's name. A wrong expression finds nothing."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        self.values: dict[str, float] = {}
        self._patterns = []
        for definition in definitions:
            try:
                self._patterns.append((definition["Name"], re.compile(definition["Regex"])))
            except re.error:
                continue

    def line(self, text: str) -> None:
        """Look at one line of the log."""
        for name, pattern in self._patterns:
            for found in pattern.finditer(text):
                try:
                    value = float(found.group(1) if pattern.groups else found.group())
                except (ValueError, TypeError):
                    continue
                if math.isfinite(value):
                    self.values[name] = value
