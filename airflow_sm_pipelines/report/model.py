"""What there is to show of a plan, as data."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Dependency, Reason
    from airflow_sm_pipelines.step_types.step_type import StepType


class Status(Enum):
    """What became of a key of the document."""

    HANDLED = "handled"
    DEFAULTED = "defaulted"
    """The key is absent, and this is what holds in its place."""
    IGNORED = "ignored"
    UNSUPPORTED = "unsupported"


class Item(Struct, frozen=True):
    """One key of the document, by its JSON path, and what became of it."""

    path: str
    status: Status
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.status.value}: {self.text}"


class Use(Struct, frozen=True):
    """Another step that waits for this one, and why."""

    step: str
    reason: Reason


class Retry(Struct, frozen=True):
    """One policy of a step with its defaults filled in; ``path`` is None for what the service itself does.

    ``attempts`` is None where only the clock bounds them. Times are in seconds, ``minutes`` in minutes.
    """

    exception_types: tuple[str, ...]
    interval: float
    backoff: float
    attempts: int | None
    minutes: float | None
    path: str | None

    def __str__(self) -> str:
        limits = [] if self.attempts is None else [f"at most {self.attempts} times"]
        limits += [] if self.minutes is None else [f"for {self.minutes:g} min from the step's start"]
        source = "the service's default" if self.path is None else self.path
        return (
            f"{', '.join(self.exception_types)}: after {self.interval:g} s, each pause {self.backoff:g} times the last,"
            f" {' and '.join(limits)} ({source})"
        )


class StepReport(Struct, frozen=True):
    """One step: what runs it, what it waits for, what waits for it, and what became of each of its keys.

    ``known`` is what is known of its type, None for a type that is not known. ``loop`` is the ForEach step
    in whose body it stands.
    """

    step: Step
    known: StepType | None
    waits_for: tuple[Dependency, ...]
    used_by: tuple[Use, ...]
    retries: tuple[Retry, ...]
    items: tuple[Item, ...]
    loop: str | None = None


class Report(Struct, frozen=True):
    """A whole document: the keys outside of steps, and the steps in the order in which they could run."""

    items: tuple[Item, ...]
    steps: tuple[StepReport, ...]

    def all_items(self) -> Iterator[Item]:
        """Every key of the document."""
        yield from self.items
        for step in self.steps:
            yield from step.items

    def lines(self, *statuses: Status) -> Iterator[str]:
        """One line for each key, or for those of the statuses that are named."""
        return (str(item) for item in self.all_items() if not statuses or item.status in statuses)
