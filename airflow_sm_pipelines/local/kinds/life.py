"""What a kind of job says of the phases between its Create and its end."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """A secondary status that begins after a ``share`` of the job's duration."""

    share: float
    detail: str
    message: str


@dataclass(frozen=True)
class Ending:
    """The last phase of a job's life and why it failed, if it did."""

    outcome: str
    detail: str
    message: str = ""
    failure_reason: str | None = None
