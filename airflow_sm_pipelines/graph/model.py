"""What each step waits for and why, which branch it stands in, and the order that follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.model import Trigger
from airflow_sm_pipelines.definition.paths import JsonPath, render_path
from airflow_sm_pipelines.graph.tasks import body_task, result_task

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.bodies import Body


class ReasonKind(Enum):
    """Why one step waits for another."""

    REFERENCE = "reference"
    DEPENDS_ON = "DependsOn"
    BRANCH = "branch"


class StepEnd(Enum):
    """How a step ended that has run; one that was skipped, or whose upstream failed, has none of them."""

    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    STOPPED = "Stopped"


ENDS_OF: Mapping[Trigger, frozenset[StepEnd]] = MappingProxyType(
    {
        Trigger.COMPLETED: frozenset({StepEnd.SUCCEEDED}),
        Trigger.FAILED: frozenset({StepEnd.FAILED}),
        Trigger.STOPPED: frozenset({StepEnd.STOPPED}),
        Trigger.ANY: frozenset(StepEnd),
    }
)
"""The ends of a step upon which a Trigger lets another run (semantics 5.1)."""


class Reason(Struct, frozen=True):
    """One reason for an edge: where it stands, the outcome whose branch it is, and the Trigger of an entry of
    DependsOn.
    """

    kind: ReasonKind
    location: JsonPath
    outcome: bool | None = None
    trigger: Trigger = Trigger.COMPLETED

    @property
    def path(self) -> str:
        return render_path(self.location)

    def __str__(self) -> str:
        if self.kind is ReasonKind.BRANCH:
            return f"it stands in its {branch_name(self.outcome is True)} branch, {self.path}"
        upon = "" if self.trigger is Trigger.COMPLETED else f" (Trigger {self.trigger.value})"
        return f"{self.kind.value} at {self.path}{upon}"


class Dependency(Struct, frozen=True):
    """A step that has to end first, with every reason: the branch, then DependsOn, then references.

    ``accepts`` are the ends of it upon which the other one runs: those that all entries of DependsOn and the branch
    allow. A reference asks for nothing more where there is an entry, which takes its place (semantics 5.1).
    """

    step: str
    reasons: tuple[Reason, ...]
    accepts: frozenset[StepEnd] = ENDS_OF[Trigger.COMPLETED]

    @property
    def is_conditional(self) -> bool:
        """Whether it is anything but that the step has to succeed."""
        return self.accepts != ENDS_OF[Trigger.COMPLETED]

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
    """``downstream`` waits for ``upstream``. ``label`` names the branch that the edge enters, if it enters one, and
    the end of ``upstream`` upon which ``downstream`` runs where that is not its success.
    """

    upstream: str
    downstream: str
    label: str | None = None


class Graph(Struct, frozen=True):
    """The steps of a pipeline and their order. Those in the body of a ForEach step are in ``bodies``, by its name, and
    ``loop_of`` has the ForEach step of each.

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
    conditional: frozenset[str] = frozenset()
    """The steps with a run condition: those that do not simply wait for all to succeed."""
    watched: frozenset[str] = frozenset()
    """The steps upon whose failure or stop another one may run."""
    bodies: Mapping[str, Body] = FrozenDict()
    loop_of: Mapping[str, str] = FrozenDict()

    def needs_of(self, step: str) -> tuple[Dependency, ...]:
        """What a step waits for; one in the body of a ForEach step, of that body and the same item."""
        loop = self.loop_of.get(step)
        return self.upstream[step] if loop is None else self.bodies[loop].upstream[step]

    def task_of(self, step: str) -> str:
        """The id of the task that has the result of a step; that of a step in a body is mapped over the items."""
        if step in self.bodies:
            return result_task(step)
        loop = self.loop_of.get(step)
        return step if loop is None else body_task(loop, step)

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
