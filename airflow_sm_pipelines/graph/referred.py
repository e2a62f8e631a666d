"""Which parts of a step's result a definition refers to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import Index, IterationOutput, Member, PropertyReference
from airflow_sm_pipelines.definition.loops import result_within

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import LocatedExpression, PropertyPath
    from airflow_sm_pipelines.definition.model import ForEachBody
    from airflow_sm_pipelines.graph.model import Graph


def referred_paths(graph: Graph, step: str) -> frozenset[PropertyPath]:
    """The paths of a step's result to which others refer; the empty one is all of it. Of a step in the body of a
    ForEach step, those by way of the ForEach step are among them.
    """
    loop = graph.loop_of.get(step)
    found: set[PropertyPath] = set()
    for located in _expressions(graph):
        match located.expression:
            case PropertyReference(name, path) | IterationOutput(name, path) if name == step:
                found.add(path)
            case PropertyReference(name, path) if name == loop:
                found.update(_in_body(_loop(graph, name), step, path))
    return frozenset(found)


def _expressions(graph: Graph) -> Iterator[LocatedExpression]:
    for step in graph.steps:
        yield from step.expressions
    for body in graph.bodies.values():
        for step in body.steps:
            yield from step.expressions


def _loop(graph: Graph, name: str) -> ForEachBody:
    loop = next(step.for_each for step in graph.steps if step.name == name)
    if loop is None:
        raise AssertionError(f"{name} is no ForEach step")
    return loop


def _in_body(loop: ForEachBody, step: str, path: PropertyPath) -> Iterator[PropertyPath]:
    """The part of a ForEach step's path that lies in the result of a step of its body."""
    match path:
        case () | (Member("IterationOutputs"),) | (Member("IterationOutputs"), Index()):
            yield ()
    within = result_within(loop, path)
    if within is not None and within[0].name == step:
        yield path[within[1] :]
