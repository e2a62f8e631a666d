"""What each step waits for and why, which branch it stands in, and the order that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step


class ReasonKind(Enum):
    """Why one step waits for another."""

    REFERENCE = "reference"
    DEPENDS_ON = "DependsOn"
    BRANCH = "branch"


class Reason(Struct, frozen=True):
    """One reason for an edge: the JSON path at which it stands, and the outcome whose branch it is."""

    kind: ReasonKind
    path: str
    outcome: bool | None = None

    def __str__(self) -> str:
        if self.kind is ReasonKind.BRANCH:
            return f"it stands in its {branch_name(self.outcome is True)} branch, {self.path}"
        return f"{self.kind.value} at {self.path}"


class Dependency(Struct, frozen=True):
    """A step that has to succeed first, with every reason: the branch, then DependsOn, then references."""

    step: str
    reasons: tuple[Reason, ...]

    @property
    def is_branch_only(self) -> bool:
        """Whether nothing but membership of a branch makes this edge."""
        return all(reason.kind is ReasonKind.BRANCH for reason in self.reasons)


class BranchMembership(Struct, frozen=True):
    """The branch that a step stands in directly: the one that ``condition`` takes when its outcome is ``taken``."""

    condition: str
    taken: bool

    @property
    def label(self) -> str:
        return branch_name(self.taken)


class Region(Struct, frozen=True):
    """What stands inside one branch of a Condition step, nested branches included, in document order.

    ``entries`` are those of its own steps that wait for no other step of the same region: the first to run.
    """

    condition: str
    taken: bool
    steps: tuple[str, ...]
    entries: tuple[str, ...]

    @property
    def label(self) -> str:
        return branch_name(self.taken)


class Edge(Struct, frozen=True):
    """``downstream`` waits for ``upstream``. ``label`` names the branch that the edge enters, if it enters one."""

    upstream: str
    downstream: str
    label: str | None = None


class Graph(Struct, frozen=True):
    """The tasks of a pipeline and their order. A step in the body of a ForEach is no task of its own.

    ``steps`` are in topological order, those that could run at the same time in document order. ``upstream`` and
    ``downstream`` list direct neighbours in document order, every step has an entry. ``branch_of`` has the innermost
    branch of each step that stands in one. ``regions`` are by condition and outcome, an empty branch included.
    """

    steps: tuple[Step, ...]
    upstream: Mapping[str, tuple[Dependency, ...]]
    downstream: Mapping[str, tuple[str, ...]]
    branch_of: Mapping[str, BranchMembership]
    regions: Mapping[tuple[str, bool], Region]
    edges: tuple[Edge, ...]
    reduced_edges: tuple[Edge, ...]

    def untaken(self, condition: str, outcome: bool) -> tuple[str, ...]:
        """The steps inside the branch that ``outcome`` does not take: all that has to be skipped explicitly.

        What needs one of them from elsewhere is not among them: it follows, since it waits for all to succeed.
        """
        return self.regions[condition, not outcome].steps

    def memberships(self, step: str) -> Iterator[BranchMembership]:
        """The branches around a step, innermost first."""
        while (membership := self.branch_of.get(step)) is not None:
            yield membership
            step = membership.condition


def branch_name(taken: bool) -> str:
    """How the branch for an outcome is called where people read it."""
    return "If" if taken else "Else"
