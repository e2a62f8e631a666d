"""Nothing that an edge does is lost with it: every step of a run ends as with all edges, and when it does with them."""

from __future__ import annotations

from random import Random
from typing import Any

from airflow_sm_pipelines.graph import Edge, Graph
from airflow_sm_pipelines.graph.reduction import drawn_edges
from tests.definition.build import condition, document, settled, step
from tests.graph.simulation import Chances, random_pipeline, timed


def pairs(edges: tuple[Edge, ...]) -> list[tuple[str, str]]:
    return [(edge.upstream, edge.downstream) for edge in edges]


def unreduced(graph: Graph) -> list[tuple[str, str]]:
    """All edges, but for those that a branch makes to what does not enter it."""
    entries = {(region.condition, name) for region in graph.regions.values() for name in region.entries}
    return [
        (need.step, one.name)
        for one in graph.steps
        for need in graph.upstream[one.name]
        if not need.is_branch_only or (need.step, one.name) in entries
    ]


def after(name: str, *before: Any) -> dict[str, Any]:
    return step(name, DependsOn=[*before])


def test_random_pipelines_run_as_with_all_edges() -> None:
    random, reduced = Random(7), 0
    for _ in range(120):
        graph, rejoin = random_pipeline(random)
        everything, drawn = unreduced(graph), pairs(drawn_edges(graph, rejoin))
        if len(drawn) == len(everything):
            continue
        reduced += 1
        for _ in range(8):
            chances = Chances.of(graph, random)
            assert timed(graph, rejoin, drawn, chances) == timed(graph, rejoin, everything, chances), (graph, chances)
    assert reduced > 10


def test_a_failure_does_not_go_unseen_where_a_branch_has_a_step_with_a_condition() -> None:
    inside = (step("O"), after("H", {"Step": "O", "Trigger": "Any"}), after("N", "Train", "H"))
    check = {**condition("C", (), inside), "DependsOn": ["Train"]}
    graph = settled(document(step("Train"), check, step("Z"), after("J", "N", "Z"))).graph
    drawn, rejoin = pairs(drawn_edges(graph, ["J"])), frozenset({"J"})
    assert ("Train", "N") in drawn
    chances = Chances(frozenset({"Train"}), {"C": True}, dict.fromkeys(("Train", "C", "O", "H", "N", "Z", "J"), 1))
    ends = timed(graph, rejoin, drawn, chances)
    assert {name: ends[name][0] for name in ("H", "N", "J")} == {
        "H": "skipped",
        "N": "upstream_failed",
        "J": "upstream_failed",
    }
