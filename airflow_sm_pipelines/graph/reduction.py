"""The edges that are drawn: those from which all others follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_sm_pipelines.graph.model import Edge, Graph


def drawn_edges(graph: Graph, rejoin: Collection[str] = ()) -> tuple[Edge, ...]:
    """The edges of a graph without those that follow from others: the order stays, and so does what runs.

    An edge follows from others where success, skip and failure all come along these. They do not through a step that
    runs without the success of all that it waits for: one of ``rejoin``, one with a run condition, and a ForEach, whose
    result ends in its own way. Nor do they through a step that a Condition can skip while it lets the end of the edge
    run: a failure before that step would go unseen. The edges into a step that judges in another way all stay, and so
    does the edge that enters a branch.
    """
    # A branch by itself makes an edge to each of its steps; those that wait for another one of it need none. What is
    # not drawn passes nothing on: the step that such a one waits for may be one that judges in another way.
    entries = {(region.condition, name) for region in graph.regions.values() for name in region.entries}
    by_branch_alone = {
        (need.step, name)
        for name in graph.branch_of
        for need in graph.upstream[name]
        if need.is_branch_only and (need.step, name) not in entries
    }
    if all(len(needs) < 2 for needs in graph.upstream.values()):
        return graph.edges
    waits = {
        step.name: tuple(
            [need.step for need in graph.upstream[step.name] if (need.step, step.name) not in by_branch_alone]
        )
        for step in graph.steps
    }
    passed = _Passed.of(graph, waits, rejoin)
    return tuple(
        edge
        for edge in graph.edges
        if (edge.upstream, edge.downstream) not in by_branch_alone
        and ((edge.upstream, edge.downstream) in entries or not passed.follows(edge))
    )


class _Passed(Struct, frozen=True):
    """What lies before each step on ways along which success, skip and failure come, as bits of :attr:`bit_of`."""

    bit_of: Mapping[str, int]
    waits: Mapping[str, tuple[str, ...]]
    """What each step waits for by edges that are drawn, or follow from those that are."""
    before: Mapping[str, int]
    """Nothing lies before a step that judges in another way."""
    plain: frozenset[str]
    branches: Mapping[str, frozenset[tuple[str, bool]]]

    @classmethod
    def of(cls, graph: Graph, waits: Mapping[str, tuple[str, ...]], rejoin: Collection[str]) -> _Passed:
        bit_of = {step.name: 1 << position for position, step in enumerate(graph.steps)}
        branches = {
            name: frozenset((one.condition, one.taken) for one in graph.memberships(name)) for name in graph.branch_of
        }
        plain = frozenset(bit_of).difference(graph.conditional, rejoin)
        before: dict[str, int] = {}
        passed = cls(bit_of, waits, before, plain, branches)
        for step in graph.steps:
            bits = 0
            if step.name in plain and step.name not in graph.bodies:
                for needed in waits[step.name]:
                    bits |= bit_of[needed] | passed.through(needed, step.name)
            before[step.name] = bits
        return passed

    def through(self, step: str, end: str) -> int:
        """What lies before a step and reaches ``end``, which waits for it."""
        skipped_with = self.branches.get(step)
        if skipped_with is not None and not skipped_with <= self.branches.get(end, frozenset()):
            return 0
        return self.before[step]

    def follows(self, edge: Edge) -> bool:
        """Whether an edge follows from others."""
        end, bit = edge.downstream, self.bit_of[edge.upstream]
        if end not in self.plain:
            return False
        return any(self.through(needed, end) & bit for needed in self.waits[end])
