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
    followed = _ways_to(graph, waits, rejoin)
    return tuple(
        edge
        for edge in graph.edges
        if (edge.upstream, edge.downstream) not in by_branch_alone
        and ((edge.upstream, edge.downstream) in entries or not followed.has(edge))
    )


class _Ways(Struct, frozen=True):
    """From which steps success, skip and failure come to each by way of another one: their bits of :attr:`bit_of`."""

    bit_of: Mapping[str, int]
    to: Mapping[str, int]
    """Nothing for a step that judges in another way."""

    def has(self, edge: Edge) -> bool:
        """Whether an edge follows from others."""
        return self.to[edge.downstream] & self.bit_of[edge.upstream] != 0


def _ways_to(graph: Graph, waits: Mapping[str, tuple[str, ...]], rejoin: Collection[str]) -> _Ways:
    """The ways to each step along edges that are drawn, or that follow from those that are: ``waits`` has these.

    The bits of all that a step waits for are put together once, and not for each of its edges.
    """
    bit_of = {step.name: 1 << position for position, step in enumerate(graph.steps)}
    branches = {
        name: frozenset((one.condition, one.taken) for one in graph.memberships(name)) for name in graph.branch_of
    }
    no_branch: frozenset[tuple[str, bool]] = frozenset()
    judging = graph.conditional.union(rejoin)
    ways: dict[str, int] = {}
    before: dict[str, int] = {}
    for step in graph.steps:
        own, direct, further = branches.get(step.name, no_branch), 0, 0
        for needed in () if step.name in judging else waits[step.name]:
            direct |= bit_of[needed]
            # Where a Condition can skip what is needed and let this step run, nothing comes through it.
            if branches.get(needed, no_branch) <= own:
                further |= before[needed]
        ways[step.name] = further
        before[step.name] = 0 if step.name in graph.bodies else direct | further
    return _Ways(bit_of, ways)
