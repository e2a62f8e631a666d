"""A definition of 2,000 steps: what it takes to build its Dag, to serialize it, and to look at its order."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from bench.measuring import no_collection
from bench.scale.lines import Judged, Line, Told, scaled, seconds, size_of
from bench.scale.samples import by_hand, chain, name_of

WHAT = "A definition of 2,000 steps"
STEPS = 2000
TURNS = 3


def measure(size: float) -> Iterator[Told]:
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import SageMakerPipelineDag
    from airflow_sm_pipelines.graph import plan
    from airflow_sm_pipelines.graph.reduction import drawn_edges

    steps = scaled(STEPS, size)
    definition = chain(steps)
    text, half = json.dumps(definition), json.dumps(chain(max(steps // 2, 1)))
    source = compile(by_hand(definition, ["by_hand"], ""), "by_hand.py", "exec")

    def plain() -> Any:
        names: dict[str, Any] = {}
        exec(source, names)  # noqa: S102 # the file that this module has written
        return names["by_hand"]

    def ours(of: str = text) -> Any:
        return SageMakerPipelineDag(of, dag_id="ours")

    taken = fastest({"half": lambda: ours(half), "ours": ours, "plain": plain})
    yield Line(f"{steps} steps, {size_of(len(text))} → built Dag, CPU", seconds(taken["ours"]), seconds(taken["plain"]))
    yield Line("the same, against half the steps", f"{taken['ours'] / taken['half']:.2f} x")
    mine, theirs = ours(), plain()
    taken = fastest({"ours": lambda: DagSerialization.to_dict(mine), "plain": lambda: DagSerialization.to_dict(theirs)})
    yield Line("serialized, CPU", seconds(taken["ours"]), seconds(taken["plain"]))
    bytes_of = [len(json.dumps(DagSerialization.to_dict(dag))) for dag in (mine, theirs)]
    yield Line("serialized, bytes", size_of(bytes_of[0]), size_of(bytes_of[1]))
    graph = plan(text).graph
    assert graph is not None
    edges = fastest({"drawn": lambda: drawn_edges(graph)})
    yield Line(f"{len(drawn_edges(graph))} edges reduced to those that are drawn, CPU", seconds(edges["drawn"]))
    for shape, rings in (("without a cycle", 0), ("of one ring", steps), ("of rings of two", 2)):
        waits = {count: waiting(count, rings and min(rings, count)) for count in (max(steps // 2, 2), max(steps, 4))}
        times = fastest({str(count): partial(sought, *made) for count, made in waits.items()})
        before, after = times.values()
        yield Line(
            f"find_cycles, {max(steps, 4)} steps {shape}, CPU", f"{seconds(after)}, {after / before:.2f} x of half"
        )
    yield Judged("each step is a task", len(mine.tasks) == steps, f"{len(mine.tasks)} tasks of {steps} steps")


def sought(names: list[str], upstream: dict[str, list[str]]) -> list[list[str]]:
    """The cycles that are told."""
    from airflow_sm_pipelines.graph.cycles import find_cycles

    return list(find_cycles(names, upstream))


def waiting(count: int, ring: int) -> tuple[list[str], dict[str, list[str]]]:
    """Steps in a chain, or in rings of so many."""
    names = [name_of(number) for number in range(count)]
    upstream = {}
    for number, name in enumerate(names):
        if not ring:
            upstream[name] = names[number - 1 : number] if number else []
        elif number % ring:
            upstream[name] = [names[number - 1]]
        else:
            upstream[name] = [names[min(number + ring, count) - 1]]
    return names, upstream


def fastest(work: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least CPU seconds of each, measured in turn, without the garbage collector: Dags are full of circles."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(TURNS):
        for name, each in work.items():
            with no_collection():
                started = time.process_time()
                each()
                taken[name].append(time.process_time() - started)
    return {name: min(times) for name, times in taken.items()}
