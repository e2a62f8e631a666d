"""The graph of a plan as a tree of text: the branches of a Condition below it, the body of a ForEach below that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.graph.model import branch_name
from airflow_sm_pipelines.graph.run_conditions import label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Dependency, Plan


class _Node(Struct, frozen=True):
    text: str
    children: tuple[_Node, ...] = ()


def tree(plan: Plan, title: str) -> Iterator[str]:
    """The lines of the tree. At each level the steps stand in the order in which they could run."""
    roots = tuple(_node(step, plan) for step in plan.graph.steps if step.name not in plan.graph.branch_of)
    yield f"{title} ({len(plan.graph.steps)} steps)"
    yield from _lines(roots, "")


def _node(step: Step, plan: Plan) -> _Node:
    graph = plan.graph
    children: list[_Node] = []
    if step.branches is not None:
        own = [inner for inner in graph.steps if (m := graph.branch_of.get(inner.name)) and m.condition == step.name]
        for taken in (True, False):
            inner = tuple(_node(one, plan) for one in own if graph.branch_of[one.name].taken is taken)
            children.append(_Node(branch_name(taken) if inner else f"{branch_name(taken)} (nothing)", inner))
    elif step.for_each is not None:
        body = graph.bodies[step.name]
        children.extend(
            _Node(f"each: {one.name} [{one.type}]{_after(map(_dependency, body.upstream[one.name]))}")
            for one in body.steps
        )
    membership = graph.branch_of.get(step.name)
    waits = [
        _dependency(dependency)
        for dependency in graph.upstream[step.name]
        if not (dependency.is_branch_only and membership is not None and membership.condition == dependency.step)
    ]
    return _Node(f"{step.name} [{step.type}]{_after(waits)}", tuple(children))


def _dependency(dependency: Dependency) -> str:
    label = label_of(dependency)
    return dependency.step if label is None else f"{dependency.step} ({label})"


def _after(steps: Iterable[str]) -> str:
    names = ", ".join(steps)
    return f" after {names}" if names else ""


def _lines(nodes: tuple[_Node, ...], indent: str) -> Iterator[str]:
    for position, node in enumerate(nodes, start=1):
        last = position == len(nodes)
        yield f"{indent}{'└─' if last else '├─'} {node.text}"
        yield from _lines(node.children, f"{indent}{'   ' if last else '│  '}")
