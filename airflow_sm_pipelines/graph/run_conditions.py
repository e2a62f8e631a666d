"""Run conditions: upon which end of one step another one runs, and what that comes to in a run (semantics 5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.model import Trigger
from airflow_sm_pipelines.graph.model import ENDS_OF, Dependency, Reason, ReasonKind, StepEnd

if TYPE_CHECKING:
    from collections.abc import Iterable

Reasons = Mapping[str, Mapping[str, list[Reason]]]

SUCCEEDED = ENDS_OF[Trigger.COMPLETED]
_LABELS: Mapping[frozenset[StepEnd], str] = MappingProxyType(
    {
        ENDS_OF[Trigger.FAILED]: "on failure",
        ENDS_OF[Trigger.STOPPED]: "on stop",
        ENDS_OF[Trigger.ANY]: "on any end",
        frozenset(): "never",
    }
)


def accepted_ends(reasons: Reasons) -> dict[tuple[str, str], frozenset[StepEnd]]:
    """For each pair of a step and one that it waits for: the ends of the latter upon which it runs. Pairs for which
    that is success alone are left out.
    """
    found = {}
    for name, needed in reasons.items():
        for other, why in needed.items():
            if any(reason.trigger is not Trigger.COMPLETED for reason in why):
                ends = accepted_by(why)
                if ends != SUCCEEDED:
                    found[name, other] = ends
    return found


def accepted_by(reasons: Iterable[Reason]) -> frozenset[StepEnd]:
    """All entries of DependsOn have to hold, and a branch wants its Condition to succeed. A reference wants nothing
    where there is an entry: that takes its place.
    """
    ends = frozenset(StepEnd)
    for reason in reasons:
        if reason.kind is not ReasonKind.REFERENCE:
            ends &= ENDS_OF[reason.trigger]
    return ends


def label_of(dependency: Dependency) -> str | None:
    """What an edge says of its condition."""
    return _LABELS[dependency.accepts] if dependency.is_conditional else None


class UpstreamState(Enum):
    """What has become of a step that another one waits for."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"
    SKIPPED = "was skipped"
    NOT_BEGUN = "did not run, since what it waits for had not succeeded"
    REFUSED = "did not run, since the run cannot start as it was asked for"
    UNKNOWN = "is in a state that says nothing of its end"

    @property
    def end(self) -> StepEnd | None:
        """How the step ended, None where it did not run."""
        return _ENDS.get(self)


_ENDS = {UpstreamState(end.value): end for end in StepEnd}


class Unmet(Struct, frozen=True):
    """What keeps a step from running: the dependency that does not hold, and what has become of that step."""

    dependency: Dependency
    state: UpstreamState

    def __str__(self) -> str:
        step, how = self.dependency.step, self.state.value
        wanted = " or ".join(end.value for end in StepEnd if end in self.dependency.accepts) or "no end at all"
        found = f"{step!r} {how}" if self.state.end is None else f"{step!r} ended as {how}"
        why = ", ".join(str(reason) for reason in self.dependency.reasons)
        return f"{found}, and {wanted} is asked for ({why})"


def unmet(
    dependencies: Iterable[Dependency], states: Mapping[str, UpstreamState], *, any_branch: bool = False
) -> tuple[Unmet, ...]:
    """What keeps a step from running, now that all that it waits for has ended; nothing where it runs.

    :param any_branch: whether one taken branch is enough (``rejoin``): then what was skipped does not count, as long as
        something else holds
    """
    found, held = [], False
    for dependency in dependencies:
        state = states.get(dependency.step, UpstreamState.UNKNOWN)
        if state.end in dependency.accepts:
            held = True
        else:
            found.append(Unmet(dependency, state))
    if any_branch and held:
        found = [one for one in found if one.state is not UpstreamState.SKIPPED]
    return tuple(found)
