"""Which steps run, are copied or are skipped for a selection, and which selections are refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from airflow_sm_pipelines.definition import read_definition
from airflow_sm_pipelines.graph import Graph, build_graph
from airflow_sm_pipelines.graph.selection import Role, SelectionError, select
from tests.corpus import documents, runnable_names
from tests.definition.build import for_each
from tests.runs.harness import condition, equals, get, pipeline, processing, training


def reading(name: str, *steps: str, **members: Any) -> Any:
    """A step that reads a property of each of the others."""
    read = {step: get(f"Steps.{step}.TrainingJobName") for step in steps}
    return training(name, Arguments={"HyperParameters": read}, **members)


def graph_of(*steps: Any) -> Graph:
    return build_graph(read_definition(pipeline(*steps)))


def roles(graph: Graph, *names: str) -> dict[str, list[str]]:
    """The names of the steps by role, in the graph's order."""
    chosen = select(graph, names).roles
    return {role.value: [step.name for step in graph.steps if chosen[step.name] is role] for role in Role}


CHAIN = graph_of(training("A"), reading("B", "A"), reading("C", "B"), reading("D", "C"), training("Apart"))
BRANCHED = graph_of(
    training("A"),
    condition(
        "Is",
        [equals(get("Steps.A.TrainingJobName"), "x")],
        [training("Then"), reading("After", "Then")],
        [training("Else")],
    ),
)


@pytest.mark.parametrize(
    ("graph", "selected", "run", "copy", "skip"),
    [
        (CHAIN, ["A"], "A", "", "Apart B C D"),
        (CHAIN, ["C"], "C", "A B", "Apart D"),
        (CHAIN, ["D", "C", "D"], "C D", "A B", "Apart"),
        (CHAIN, ["Apart", "B"], "Apart B", "A", "C D"),
        (CHAIN, ["A", "B", "C", "D", "Apart"], "A Apart B C D", "", ""),
        (BRANCHED, ["Is"], "Is", "A", "After Else Then"),
        (BRANCHED, ["Is", "Then"], "Is Then", "A", "After Else"),
        (BRANCHED, ["After"], "After", "A Is Then", "Else"),
        (BRANCHED, ["Else"], "Else", "A Is", "After Then"),
    ],
)
def test_the_role_of_each_step(graph: Graph, selected: list[str], run: str, copy: str, skip: str) -> None:
    found = {role: sorted(names) for role, names in roles(graph, *selected).items()}
    assert found == {"run": run.split(), "copy": copy.split(), "skip": skip.split()}


def test_only_a_reference_of_a_selected_step_makes_another_one_needed() -> None:
    graph = graph_of(
        training("A"),
        training("Waited"),
        reading("B", "A"),
        reading("C", "B", DependsOn=["Waited"]),
        reading("D", "B", "C"),
    )
    assert select(graph, ["C"]).readers == {"B": ("C",)}
    assert select(graph, ["C", "D"]).readers == {"B": ("C", "D")}
    assert select(graph, ["A"]).readers == {}
    assert select(BRANCHED, ["Then"]).readers == {}


def test_a_property_file_that_is_read_makes_its_step_needed() -> None:
    file = {"Std:JsonGet": {"PropertyFile": get("Steps.P.PropertyFiles.Report"), "Path": "m"}}
    graph = graph_of(processing("P"), condition("Is", [equals(file, 1)], [], []))
    assert select(graph, ["Is"]).readers == {"P": ("Is",)}


def test_the_body_of_a_for_each_belongs_to_it() -> None:
    loop = for_each("Each", (reading("Body", "A"),), IterableItems=get("Steps.A.Items"))
    graph = graph_of(training("A"), loop)
    assert roles(graph, "Each") == {"run": ["Each"], "copy": ["A"], "skip": []}
    assert select(graph, ["Each"]).readers == {"A": ("Each",)}
    (fault,) = faults(graph, ["A", "Body"])
    assert fault == "'Body' is in the body of the ForEach step 'Each', and runs when that one is selected."


NOT_CLOSED = "Every step between two selected ones has to be selected too."


def faults(graph: Graph, names: Sequence[str]) -> tuple[str, ...]:
    with pytest.raises(SelectionError) as raised:
        select(graph, names)
    return raised.value.faults


@pytest.mark.parametrize(
    ("graph", "selected", "expected"),
    [
        (CHAIN, [], ["No step is selected: name at least one, or leave the selection out to run all of them."]),
        (CHAIN, ["apart"], ["'apart' is no step of the pipeline. Did you mean 'Apart'?"]),
        (CHAIN, ["Xyz"], ["'Xyz' is no step of the pipeline. Its steps are: A, B, C, D, Apart."]),
        (
            CHAIN,
            ["A", "D", "Aparrt"],
            [
                "'Aparrt' is no step of the pipeline. Did you mean 'Apart'?",
                f"{NOT_CLOSED} Missing: 'B', 'C', on the path A -> B -> C -> D.",
            ],
        ),
        (
            BRANCHED,
            ["A", "After", "Else"],
            [f"{NOT_CLOSED} Missing: 'Is', 'Then', on the path A -> Is -> Then -> After."],
        ),
    ],
)
def test_a_selection_is_refused_with_all_that_is_wrong_with_it(
    graph: Graph, selected: list[str], expected: list[str]
) -> None:
    assert list(faults(graph, selected)) == expected


def test_a_selection_has_at_most_fifty_steps() -> None:
    graph = graph_of(*(training(f"S{number}") for number in range(51)))
    names = [f"S{number}" for number in range(51)]
    assert faults(graph, names) == ("51 steps are selected, and a selection has at most 50, as SageMaker's has.",)
    assert len(roles(graph, *names[:50])["run"]) == 50


@pytest.mark.parametrize("name", runnable_names() or [""], ids=str)
def test_any_step_of_the_corpus_can_be_selected_alone(name: str) -> None:
    """No step waits for one that is skipped, and what is copied waits for nothing that runs."""
    graph = build_graph(read_definition(json.loads(documents()[name])))
    for step in graph.steps[:: max(1, len(graph.steps) // 10)]:
        chosen = select(graph, [step.name]).roles
        assert [other for other, role in chosen.items() if role is Role.RUN] == [step.name]
        for other, role in chosen.items():
            upstream = {chosen[dependency.step] for dependency in graph.upstream[other]}
            assert role is not Role.RUN or upstream <= {Role.COPY}
            assert role is not Role.COPY or upstream <= {Role.COPY}
