"""What a ForEach step iterates over, whose turn it is, and what its children come to."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import CurrentItem, Index, IterationOutput, Key, Member
from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.expressions.for_each import (
    Child,
    ChildState,
    ForEachError,
    Selector,
    describe_failures,
    items_of,
    nothing_run,
    result_of,
)
from airflow_sm_pipelines.expressions.iteration import Iteration
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.graph.bodies import Body
from airflow_sm_pipelines.graph.model import Dependency
from airflow_sm_pipelines.jobs.kill_verdict import ENDED
from airflow_sm_pipelines.operators.concurrency_limit import unfinished_before
from tests.expressions.scope import FixedScope


@pytest.mark.parametrize("given", [[1, {"a": None}], '[1, {"a": null}]', ' [1,{"a":null}]\n'])
def test_items_are_a_list_or_its_text(given: Any) -> None:
    assert items_of(given) == [1, {"a": None}]


@pytest.mark.parametrize("given", [None, 1, {"a": 1}, "", "a,b", '{"a": 1}', "null", '"[1]"'])
def test_anything_else_has_no_items(given: Any) -> None:
    with pytest.raises(ForEachError, match=r"^gave .* a list is needed"):
        items_of(given)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("[" * 250_000, "is no JSON (it is nested too deeply)"),
        (f"[{'9' * 5000}]", "is no JSON (it has a number of 5000 digits"),
        ('[1, {"a": NaN}]', "an item with the index 1 that is nan"),
        (["a", "\0"], "an item with the index 1 that has U+0000"),
        ('["\\ud800"]', "an item with the index 0 that has U+D800"),
        ([[2**64]], "an item with the index 0 that has 18446744073709551616, more than 64 bits"),
    ],
)
def test_items_that_cannot_be_stored(given: Any, told: str) -> None:
    with pytest.raises(ForEachError) as caught:
        items_of(given)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("item", "reference", "value"),
    [
        ("a", CurrentItem(()), "a"),
        ({"x": {"y": 1}}, CurrentItem((Member("x"),)), {"y": 1}),
        ([1, 2], CurrentItem(()), [1, 2]),
        (0, CurrentItem(()), 0),
        ('{"x": [2]}', CurrentItem((Member("x"), Index(0))), 2),
        ('{"x": 1}', CurrentItem(()), '{"x": 1}'),
        ({"a": [{"b.c": 7}]}, CurrentItem((Member("a"), Index(0), Key("b.c"))), 7),
    ],
)
def test_the_current_item_keeps_its_type(item: Any, reference: CurrentItem, value: Any) -> None:
    iteration = Iteration("Loop", "Train", 3, item)
    assert resolve({"x": (reference,)}, FixedScope(iteration=iteration)) == {"x": [value]}


@pytest.mark.parametrize(
    ("item", "path", "told"),
    [
        ("a", (Member("x"),), "'.x' is not"),
        ("7", (Index(0),), "[0] is not in the item: it is a single value (str)"),
        ('{"a": 1}', (Member("x"),), ".x is not in the item: it has a"),
        ({"a": {"b": 1}}, (Member("a"), Member("c")), ".a.c is undefined for the item with the index 3, "),
        ([1], (Index(4),), "[4] is undefined for the item with the index 3, [1]: [4] is not in the item: it has 1"),
    ],
)
def test_a_member_that_the_item_lacks(item: Any, path: tuple[Any, ...], told: str) -> None:
    with pytest.raises(UnresolvedError) as caught:
        resolve(CurrentItem(path), FixedScope(iteration=Iteration("Loop", "Train", 3, item)))
    assert told.replace("'.x' is not", 'ForEach.CurrentItem.x is undefined for the item with the index 3, "a"') in str(
        caught.value
    )


@pytest.mark.parametrize(
    ("item", "label"),
    [("a", "a"), ("{{ 1 }}", "{{ 1 }}"), (3, "3"), ({"ä": [True]}, '{"ä": [true]}'), ("x" * 300, "x" * 249 + "…")],
)
def test_the_label_of_an_item(item: Any, label: str) -> None:
    assert Iteration("Loop", "Train", 0, item).label == label


def body(limit: int, **upstream: str) -> Body:
    """A body whose steps wait for those that are named, with a space between them."""
    steps = {name: Step(name, "Training", None) for name in upstream}
    return Body(
        tuple(steps.values()),
        {name: tuple(Dependency(one, ()) for one in needed.split()) for name, needed in upstream.items()},
        limit,
    )


BODIES = {
    "one": body(2, A=""),
    "chain": body(2, A="", B="A", C="B"),
    "apart": body(3, A="", B=""),
    "diamond": body(2, A="", B="A", C="A", D="B C"),
    "crossed": body(2, A="", B="", C="A", D="B", E="C D"),
    "wide": body(2, A="", B="", C="", D="A B C"),
    "narrow": body(1, A="", B="A", C="A", D="B C"),
}


@pytest.mark.parametrize("shape_name", [*BODIES])
@pytest.mark.parametrize("seed", range(20))
def test_no_more_children_run_than_the_limit_and_all_get_their_turn(shape_name: str, seed: int) -> None:
    """Children begin and end in any order that the rule allows; whoever may run is asked before one ends."""
    shape, chance, items = BODIES[shape_name], random.Random(seed), 6
    tasks = {step.name: f"Loop.{step.name}" for step in shape.steps}
    children = [(step.name, index) for index in range(items) for step in shape.steps]
    states: dict[str, str | None] = {}
    most = 0

    def key(child: tuple[str, int]) -> str:
        return f"{tasks[child[0]]}_{child[1]}"

    while any(states.get(key(child)) not in ENDED for child in children):
        waiting = [child for child in children if key(child) not in states]
        chance.shuffle(waiting)
        for step, index in waiting:
            ready = all(states.get(key((needed.step, index))) in ENDED for needed in shape.upstream[step])
            own = Iteration("Loop", step, index, None)
            if ready and unfinished_before(own, shape, tasks, states) < shape.limit:
                states[key((step, index))] = "running"
        running = [child for child in children if states.get(key(child)) in ("running", "up_for_retry")]
        assert 0 < len(running) <= shape.limit
        most = max(most, len(running))
        ending = chance.choice(running)
        states[key(ending)] = chance.choice(["success", "success", "failed", "up_for_retry"])
        if states[key(ending)] == "failed":
            for name in [one.name for one in shape.steps]:
                needed_states = {states.get(key((needed.step, ending[1]))) for needed in shape.upstream[name]}
                if not needed_states.isdisjoint({"failed", "upstream_failed"}):
                    states[key((name, ending[1]))] = "upstream_failed"
    assert most == shape.limit


def child(index: int, number: Any, state: ChildState = ChildState.SUCCEEDED, body: str = "Train") -> Child:
    output = {"n": number, "index": index} if state is ChildState.SUCCEEDED else None
    return Child(body, index, f"item {index}", state, output, None if output else "out of luck")


@pytest.mark.parametrize(
    ("greatest", "numbers", "picked"),
    [(True, [1, 3.5, 3], 1), (False, [2, "1e0", 1], 1), (True, ["10", "9"], 0), (True, [-1, -2], 0)],
)
def test_what_is_selected(greatest: bool, numbers: list[Any], picked: int) -> None:
    children = [child(index, number) for index, number in enumerate(numbers)]
    selected: Any = Selector(greatest, IterationOutput("Train", (Member("n"),))).pick(children)
    assert selected["index"] == picked


@pytest.mark.parametrize("number", ["many", True, None, [1], "true", "NaN", "-Infinity", "1e999", math.nan, math.inf])
@pytest.mark.parametrize("others", [[], [child(2, 9)]], ids=["last", "not last"])
def test_what_cannot_be_compared(number: Any, others: list[Child]) -> None:
    with pytest.raises(ForEachError, match=r"^IterationOutput\.Train\.n is .* for Train-1, and only numbers"):
        Selector(True, IterationOutput("Train", (Member("n"),))).pick([child(0, 1), child(1, number), *others])


def test_a_field_that_a_child_lacks() -> None:
    with pytest.raises(ForEachError, match=r"^IterationOutput\.Train\.m is undefined for Train-0: \.m is not in"):
        Selector(True, IterationOutput("Train", (Member("m"),))).pick([child(0, 1)])


def test_what_is_selected_is_of_the_step_that_the_field_names() -> None:
    children = [child(0, 1), child(0, 9, body="Other"), child(1, 2), child(1, 8, body="Other")]
    selected: Any = Selector(True, IterationOutput("Train", (Member("n"),))).pick(children)
    assert selected == {"n": 2, "index": 1}


def test_counts_and_reasons() -> None:
    children = [
        child(0, 1),
        child(0, 1, body="Look"),
        child(1, 2, ChildState.FAILED),
        child(1, 2, ChildState.NOT_RUN, body="Look"),
        child(2, 3, ChildState.STOPPED),
        child(2, 3, body="Look"),
    ]
    result = result_of(children, None, 3)
    outputs: Any = result.pop("IterationOutputs")
    assert outputs == [
        {"Train": {"n": 1, "index": 0}, "Look": {"n": 1, "index": 0}},
        {"Train": None, "Look": None},
        {"Train": None, "Look": {"n": 3, "index": 2}},
    ]
    assert result == {
        "Status": "Failed",
        "InputItemCount": 3,
        "TotalStepCount": 5,
        "SucceededStepCount": 3,
        "FailedStepCount": 1,
        "StoppedStepCount": 1,
    }
    assert describe_failures(children).splitlines() == [
        "3 of its 6 children did not succeed:",
        '- Train-1, item "item 1": out of luck',
        '- Train-2, item "item 2": out of luck',
        "- 1 did not run, since one before it did not succeed",
    ]
    many = [child(index, 0, ChildState.FAILED) for index in range(15)]
    assert describe_failures(many).splitlines()[-1] == "- and 5 more"


@pytest.mark.parametrize(
    ("states", "status"),
    [
        ([], "Succeeded"),
        (["SUCCEEDED"], "Succeeded"),
        (["SUCCEEDED", "STOPPED", "NOT_RUN"], "Stopped"),
        (["STOPPED", "FAILED"], "Failed"),
    ],
)
def test_the_status(states: list[str], status: str) -> None:
    children = [child(index, 0, ChildState[state]) for index, state in enumerate(states)]
    assert result_of(children, None, len(states))["Status"] == status


def test_what_failed_before_it_began_has_counts_too() -> None:
    assert nothing_run(1025) == {
        "Status": "Failed",
        "InputItemCount": 1025,
        "TotalStepCount": 0,
        "SucceededStepCount": 0,
        "FailedStepCount": 0,
        "StoppedStepCount": 0,
        "IterationOutputs": [],
    }
