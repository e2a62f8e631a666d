"""The ways that something from outside takes into Airflow, one module each.

A way makes an input from a chance, and takes it the whole way. What may come of it is known (findings, an error Dag, a
refusal, a StepFailure); anything else is raised, and is a find.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import random


class Way(Protocol):
    """One way. ``counted`` is how many documents, answers or values one input is."""

    counted: int

    def make(self, chance: random.Random) -> Any:
        """An input: a value that ``repr`` shows whole."""

    def take(self, given: Any) -> str:
        """Take an input the whole way, and tell in one word what came of it."""
