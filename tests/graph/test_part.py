"""A Dag of some of a definition's steps: which patterns name which, and what becomes of those that need others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.graph import Plan, plan
from airflow_sm_pipelines.graph.part import Chosen, part_of
from tests.runs.harness import condition, equals, get, pipeline, processing, training


def reading(name: str, step: str, **members: Any) -> Any:
    return training(name, Arguments={"HyperParameters": {"read": get(f"Steps.{step}.TrainingJobName")}}, **members)


BODY = training("Inner", DependsOn=["Prepare"])
LOOP = {
    "Name": "Each",
    "Type": "ForEach",
    "DependsOn": ["Evaluate"],
    "Arguments": {"IterableItems": ["a", "b"], "MaxConcurrency": 2, "ForEachBody": [BODY]},
}
DEFINITION = pipeline(
    processing("Prepare"),
    training("Train", DependsOn=["Prepare"]),
    training("TrainMore", DependsOn=["Prepare"]),
    processing("Evaluate", DependsOn=["Train"]),
    condition(
        "Check",
        [equals(1, 1)],
        [reading("Register", "Train"), training("Deploy", DependsOn=["Register"])],
        [training("Again")],
        DependsOn=["Evaluate"],
    ),
    training("Rescue", DependsOn=[{"Step": "TrainMore", "Trigger": "Failed"}]),
    LOOP,
)


def whole() -> Plan:
    return plan(json.dumps(DEFINITION))


def part(select: Chosen = (), exclude: Chosen = ()) -> set[str]:
    return {step.name for step in part_of(whole(), select, exclude).graph.steps}


ALL = {"Prepare", "Train", "TrainMore", "Evaluate", "Check", "Register", "Deploy", "Again", "Rescue", "Each"}


@pytest.mark.parametrize(
    ("select", "exclude", "steps"),
    [
        ("Train", (), {"Train"}),
        ("+Train", (), {"Prepare", "Train"}),
        ("Evaluate+", ["Each", "Register"], {"Evaluate", "Check", "Again", "Deploy"}),
        ("+Evaluate+", ["Each"], ALL - {"TrainMore", "Rescue", "Each"}),
        ("Train*", (), {"Train", "TrainMore"}),
        ("type:Processing", (), {"Prepare", "Evaluate"}),
        ("type:Proc*,Train", (), {"Prepare", "Evaluate", "Train"}),
        ("Prepare Train", (), {"Prepare", "Train"}),
        (["Prepare", "+Train"], (), {"Prepare", "Train"}),
        ((), "TrainMore+", ALL - {"TrainMore", "Rescue"}),
        ((), ["Check+", "Rescue"], ALL - {"Check", "Register", "Deploy", "Again", "Rescue"}),
        ("+Register", (), {"Prepare", "Train", "Evaluate", "Check", "Register"}),
    ],
)
def test_which_steps_patterns_name(select: Chosen, exclude: Chosen, steps: set[str]) -> None:
    assert part(select, exclude) == steps


@pytest.mark.parametrize(
    ("select", "exclude", "code", "told", "hint"),
    [
        ("Trian", (), "selected-steps", "select: no step is called 'Trian'", "Train"),
        ("+Trian+", (), "selected-steps", "select: no step is called 'Trian'", "+Train+"),
        ((), "Nothing*", "selected-steps", "exclude_steps: no step is called 'Nothing*'", None),
        ("type:Procesing", (), "selected-steps", "select: no step is of the type 'Procesing'", "type:Processing"),
        ("Inner", (), "selected-steps", "'Inner' is in the body of the ForEach step 'Each', which is one", "Each"),
        ("A+B", (), "selected-steps", "select: 'A+B' is no pattern", None),
        ("Train", "type:*", "selected-steps", "select and exclude_steps leave no step", None),
        (
            "+Register",
            "Train",
            "left-out-step",
            "it needs the result of 'Train', which exclude_steps leaves out",
            "Train+",
        ),
        ("Again", (), "left-out-step", "it stands in a branch of 'Check', which select does not name", "+Again"),
        ("Rescue", (), "left-out-step", "only upon the failure or stop of 'TrainMore', which select", "+Rescue"),
    ],
)
def test_what_cannot_be_is_a_finding(select: Chosen, exclude: Chosen, code: str, told: str, hint: str | None) -> None:
    with pytest.raises(DefinitionError) as raised:
        part(select, exclude)
    [finding] = raised.value.findings
    assert (finding.code, told in finding.message) == (code, True)
    assert (finding.suggestion or "").endswith(hint or "")
    assert (finding.suggestion is None) == (hint is None)


def test_a_step_still_comes_after_what_came_before_a_step_that_is_left_out() -> None:
    smaller = part_of(whole(), exclude=["Train", "Evaluate", "Register"])
    needs = {name: [need.step for need in needed] for name, needed in smaller.graph.upstream.items()}
    assert needs == {
        "Prepare": [],
        "TrainMore": ["Prepare"],
        "Check": ["Prepare"],
        "Deploy": ["Prepare", "Check"],
        "Again": ["Check"],
        "Rescue": ["TrainMore"],
        "Each": ["Prepare"],
    }
    assert tuple(step.name for step in smaller.left_out) == ("Train", "Evaluate", "Register")
    assert smaller.graph.regions["Check", True].steps == ("Deploy",)


def test_without_patterns_nothing_changes() -> None:
    planned = whole()
    assert part_of(planned) is planned
    assert part("*") == ALL
