"""The graph of a plan in the languages of Graphviz and Mermaid, and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.model import Trigger
from airflow_sm_pipelines.graph.reduction import drawn_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.graph import Dependency, Plan, Reason


def dot(plan: Plan, title: str) -> Iterator[str]:
    """The lines of a Graphviz digraph. Edges that follow from others are left out, as in Airflow's graph view."""
    yield f"digraph {_quoted(title)} {{"
    yield "  rankdir=TB;"
    yield "  node [shape=box];"
    for step in plan.graph.steps:
        shape = ", shape=diamond" if step.branches is not None else ""
        label = _quoted(f"{step.name}\n{step.type}")
        yield f"  {_quoted(step.name)} [label={label}{shape}];"
    for edge in drawn_edges(plan.graph):
        label = f" [label={_quoted(edge.label)}]" if edge.label is not None else ""
        yield f"  {_quoted(edge.upstream)} -> {_quoted(edge.downstream)}{label};"
    yield "}"


def mermaid(plan: Plan) -> Iterator[str]:
    """The lines of a Mermaid flowchart, which GitHub and GitLab draw in Markdown."""
    # A step may have the name of a keyword of the language ("end"), so that the nodes have names of their own.
    nodes = {step.name: f"s{index}" for index, step in enumerate(plan.graph.steps)}
    yield "flowchart TD"
    for step in plan.graph.steps:
        left, right = ("{", "}") if step.branches is not None else ("[", "]")
        yield f'  {nodes[step.name]}{left}"{step.name}<br/>{_escaped(step.type)}"{right}'
    for edge in drawn_edges(plan.graph):
        label = f"|{edge.label}|" if edge.label is not None else ""
        yield f"  {nodes[edge.upstream]} -->{label} {nodes[edge.downstream]}"


def graph_json(plan: Plan, title: str) -> dict[str, Any]:
    """Steps in the order in which they could run, each with its branch and with what it waits for, and all edges."""
    graph = plan.graph
    steps = []
    for step in graph.steps:
        membership = graph.branch_of.get(step.name)
        waits = _waits(graph.upstream[step.name])
        branch = None if membership is None else {"condition": membership.condition, "branch": membership.label}
        body = [
            {"name": one.name, "type": one.type, "waits_for": _waits(graph.bodies[step.name].upstream[one.name])}
            for one in (() if step.for_each is None else graph.bodies[step.name].steps)
        ]
        described = {"name": step.name, "type": step.type, "path": step.path, "branch": branch, "waits_for": waits}
        steps.append({**described, **({"body": body} if body else {})})
    edges = [{"from": edge.upstream, "to": edge.downstream, "label": edge.label} for edge in graph.edges]
    return {"dag_id": title, "steps": steps, "edges": edges}


def _waits(dependencies: Iterable[Dependency]) -> list[dict[str, Any]]:
    return [
        {
            "step": dependency.step,
            "reasons": [
                {"kind": reason.kind.value, "path": reason.path, **trigger_json(reason)}
                for reason in dependency.reasons
            ],
        }
        for dependency in dependencies
    ]


def trigger_json(reason: Reason) -> dict[str, str]:
    """The Trigger of an entry of DependsOn that has one."""
    return {} if reason.trigger is Trigger.COMPLETED else {"trigger": reason.trigger.value}


def _escaped(text: str) -> str:
    """The type of a placeholder can be any text; a step's name cannot."""
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
