"""Which paths of a step's result a definition refers to, wherever the reference stands."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import read_definition
from airflow_sm_pipelines.definition.expressions import format_path
from airflow_sm_pipelines.graph import build_graph
from airflow_sm_pipelines.graph.referred import referred_paths
from tests.runs.harness import condition, equals, get, pipeline, training
from tests.runs.test_for_each import loop

ITEMS = [{"Name": "Items", "Type": "String", "DefaultValue": '["a"]'}]


def referred(step: str, *steps: Any) -> set[str]:
    graph = build_graph(read_definition(pipeline(*steps, Parameters=ITEMS)))
    return {format_path(path) for path in referred_paths(graph, step)}


def reading(name: str, *paths: str) -> dict[str, Any]:
    return training(name, Arguments={"HyperParameters": {str(number): get(path) for number, path in enumerate(paths)}})


def test_references_are_found_in_requests_joins_and_branches() -> None:
    joined = {"Std:Join": {"On": "", "Values": [get("Steps.A.HyperParameters['x']")]}}
    inside = training("C", Arguments={"HyperParameters": {"x": get("Steps.A.Environment['y']")}})
    choose = condition("Is", [equals(get("Steps.A.TrainingJobStatus"), joined)], [inside], [])
    assert referred("A", training("A"), reading("B", "Steps.A.RoleArn"), choose) == {
        ".RoleArn",
        ".HyperParameters['x']",
        ".Environment['y']",
        ".TrainingJobStatus",
    }
    assert referred("B", training("A"), reading("B", "Steps.A.RoleArn"), choose) == set()


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("Steps.Loop.IterationOutputs[0].Train.HyperParameters['x']", {".HyperParameters['x']"}),
        ("Steps.Loop.IterationOutputs[0].Other.HyperParameters['x']", set()),
        ("Steps.Loop.IterationOutputs[0]", {""}),
        ("Steps.Loop.IterationOutputs", {""}),
        ("Steps.Loop.InputItemCount", set()),
    ],
)
def test_references_to_a_loop_are_those_to_the_steps_of_its_body(path: str, found: set[str]) -> None:
    assert referred("Train", loop([training("Train"), training("Other")]), reading("After", path)) == found


def test_a_step_of_a_body_is_referred_to_by_the_selector_and_by_others_of_the_body() -> None:
    selector = {"Pick": "MaxBy", "Field": get("IterationOutput.Train.HyperParameters['score']")}
    looped = loop([training("Train"), reading("Other", "Steps.Train.RoleArn")], Selector=selector)
    after = reading("After", "Steps.Loop.Selected.Environment['y']")
    assert referred("Train", looped, after) == {".HyperParameters['score']", ".RoleArn", ".Environment['y']"}
