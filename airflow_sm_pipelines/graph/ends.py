"""Behind which steps it is sure that all of a pipeline has ended (docs/embedding.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.graph.reduction import drawn_edges

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_sm_pipelines.graph.model import Graph


def last_to_end(graph: Graph, rejoin: Collection[str] = ()) -> tuple[str, ...]:
    """The steps of which, once all have ended, all others have too.

    A step without one behind it is among them, and so is one of which all that wait for it may be skipped, or kept from
    running by the failure of another, while it still runs.

    :param rejoin: the steps for which any one taken branch is enough
    """
    waits: dict[str, list[str]] = {step.name: [] for step in graph.steps}
    for edge in drawn_edges(graph, rejoin):
        waits[edge.downstream].append(edge.upstream)
    # What has surely ended when a step runs, as bits: as sets, a long chain's would take memory by its square.
    bit_of = {step.name: 1 << position for position, step in enumerate(graph.steps)}
    ran_before: dict[str, int] = {}
    for step in graph.steps:
        # What a step waits for has run where it needs its success, but for a loop that had nothing to run.
        needs_success = step.name not in graph.conditional and step.name not in rejoin
        ended = 0
        for name in waits[step.name]:
            ended |= bit_of[name]
            if needs_success and name not in graph.bodies:
                ended |= ran_before[name]
        ran_before[step.name] = ended

    def ends_later(step: str, later: str) -> bool:
        """Whether the one that waits for a step has not ended before it, whatever comes."""
        for branch in graph.memberships(later):
            region = graph.regions[branch.condition, branch.taken].steps
            # The condition skips what stands in its branch at once.
            if not (branch.condition == step or step in region or bit_of[step] & ran_before[branch.condition]):
                return False
        # One with a condition waits for all that it looks at. Others give up as soon as one thing has not succeeded.
        return later in graph.conditional or waits[later] == [step]

    behind: dict[str, list[str]] = {step.name: [] for step in graph.steps}
    for later, needed in waits.items():
        for name in needed:
            behind[name].append(later)
    return tuple(
        step.name for step in graph.steps if not any(ends_later(step.name, later) for later in behind[step.name])
    )
