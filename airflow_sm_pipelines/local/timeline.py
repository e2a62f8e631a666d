"""What a job will have been at any time: its whole life, planned when it is created.

The state of a job is a pure function of the clock, so polling more or less often changes nothing. Stopping a
job replaces the part of its timeline that has not happened yet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Phase:
    """A stretch of a job's life: starts ``at`` (epoch seconds), lasts until the next phase."""

    at: float
    status: str
    detail: str = ""
    message: str = ""


@dataclass(frozen=True)
class Timeline:
    """Phases in order of time; the last one is for good."""

    phases: tuple[Phase, ...]

    @property
    def end(self) -> Phase:
        """The phase in which the job stays."""
        return self.phases[-1]

    def ended(self, now: float) -> bool:
        """Whether the last phase has begun."""
        return self.end.at <= now

    def reached(self, now: float) -> tuple[Phase, ...]:
        """All phases begun by ``now``; at least the first."""
        return tuple(phase for phase in self.phases if phase.at <= now) or self.phases[:1]

    def current(self, now: float) -> Phase:
        """The phase at ``now``."""
        return self.reached(now)[-1]

    def then(self, now: float, *phases: Phase) -> Timeline:
        """This timeline up to ``now``, going on with ``phases`` instead of what was planned."""
        return Timeline((*self.reached(now), *phases))
