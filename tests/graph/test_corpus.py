"""What holds of the graph of every real document."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable

import pytest

from airflow_sm_pipelines.definition import DefinitionError, Step
from airflow_sm_pipelines.definition.expressions import (
    PropertyFileReference,
    PropertyReference,
    Value,
    iter_expressions,
)
from airflow_sm_pipelines.graph import Edge, Plan, plan
from airflow_sm_pipelines.graph.reduction import drawn_edges
from airflow_sm_pipelines.validation.severities import WARNINGS
from tests.corpus import documents
from tests.definition.build import document, findings, step


@pytest.fixture(scope="module")
def plans() -> list[Plan]:
    read = []
    for data in documents().values():
        try:
            read.append(plan(data, values=WARNINGS))
        except DefinitionError:
            continue
    return read


def reachable(edges: Iterable[Edge]) -> dict[str, set[str]]:
    """All that each step waits for, directly or not; edges come with the steps' order."""
    above: dict[str, set[str]] = {}
    for edge in edges:
        above.setdefault(edge.downstream, set()).update({edge.upstream}, above.get(edge.upstream, ()))
    return above


def mentioned(step: Step) -> set[str]:
    """The steps that a step of one task names, by a walk of the values it was read into."""
    found = {entry.step for entry in step.depends_on}
    values: list[Value] = [step.arguments, step.settings, step.cache.enabled if step.cache else None]
    for condition in step.branches.conditions if step.branches else ():
        values.extend(_operands(condition))
    for value in values:
        for expression in iter_expressions(value):
            if isinstance(expression, PropertyReference | PropertyFileReference):
                found.add(expression.step)
    return found


def _operands(condition: object) -> list[Value]:
    operands: list[Value] = []
    for name in getattr(condition, "__slots__", ()):
        value = getattr(condition, name)
        if name in ("condition", "conditions"):
            for inner in value if isinstance(value, tuple) else (value,):
                operands.extend(_operands(inner))
        elif name != "comparison":
            operands.append(value)
    return operands


def test_every_step_is_a_task_and_follows_all_it_waits_for(plans: list[Plan]) -> None:
    for planned in plans:
        names = [step.name for step in planned.graph.steps]
        bodies = {inner.name for outer in planned.pipeline.all_steps if outer.for_each for inner in outer.inner_steps}
        assert sorted(names) == sorted({outer.name for outer in planned.pipeline.all_steps} - bodies)
        position = {name: index for index, name in enumerate(names)}
        for name, needed in planned.graph.upstream.items():
            assert all(position[dependency.step] < position[name] for dependency in needed)


def test_edges_are_exactly_the_mentions_and_the_branches(plans: list[Plan]) -> None:
    for planned in plans:
        for step_ in planned.graph.steps:
            expected = mentioned(step_)
            if (membership := planned.graph.branch_of.get(step_.name)) is not None:
                expected.add(membership.condition)
            assert {dependency.step for dependency in planned.graph.upstream[step_.name]} == expected


def test_fewer_edges_order_the_same(plans: list[Plan]) -> None:
    for planned in plans:
        graph = planned.graph
        assert set(drawn_edges(graph)) <= set(graph.edges)
        assert reachable(drawn_edges(graph)) == reachable(graph.edges)


def test_each_branch_is_entered_by_a_labelled_edge(plans: list[Plan]) -> None:
    for planned in plans:
        labelled = {(edge.upstream, edge.downstream) for edge in drawn_edges(planned.graph) if edge.label}
        for region in planned.graph.regions.values():
            assert bool(region.steps) == bool(region.entries)
            assert {(region.condition, name) for name in region.entries} <= labelled


def test_a_plan_does_not_depend_on_the_hash_seed() -> None:
    program = (
        "import json,sys; from airflow_sm_pipelines.graph import plan; "
        "from airflow_sm_pipelines.graph.reduction import drawn_edges; g = plan(json.load(sys.stdin)).graph; "
        "print([s.name for s in g.steps], g.edges, drawn_edges(g), dict(g.regions), dict(g.upstream))"
    )
    data = max((data for data in documents().values() if b'"IfSteps"' in data), key=len)
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=data,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_the_rooms_import_neither_airflow_nor_aws() -> None:
    program = (
        "import sys, airflow_sm_pipelines.graph, airflow_sm_pipelines.definition; "
        "print([m for m in sys.modules if m.split('.')[0] in ('airflow', 'boto3', 'botocore', 'moto')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_document_without_steps_has_an_empty_graph() -> None:
    assert plan(document()).graph.steps == ()
    assert findings(document(step("A"))) == ()
