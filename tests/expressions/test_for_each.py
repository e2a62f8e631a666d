"""What a ForEach step iterates over, whose turn it is, and what its children come to."""

from __future__ import annotations

import math
from typing import Any

import pytest

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.expressions import ChildOutput, CurrentItem, Member
from airflow_sm_pipelines.expressions.for_each import (
    Child,
    ChildState,
    ForEachError,
    Selector,
    items_of,
    limit_of,
    result_of,
    told_failures,
)
from airflow_sm_pipelines.expressions.iteration import Iteration
from airflow_sm_pipelines.expressions.values import resolve
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


@pytest.mark.parametrize(("given", "limit"), [(None, None), (1, 1), (50, 50), ("7", 7)])
def test_a_limit(given: Any, limit: int | None) -> None:
    assert limit_of(given) == limit


@pytest.mark.parametrize("given", [0, 51, True, 2.5, "", "x", "-1", "51", "9" * 5000, [1]])
def test_no_limit(given: Any) -> None:
    with pytest.raises(ForEachError, match=r"a whole number from 1 to 50 is needed$"):
        limit_of(given)


@pytest.mark.parametrize(
    ("item", "reference", "value"),
    [
        ("a", CurrentItem(()), "a"),
        ({"x": {"y": 1}}, CurrentItem((Member("x"),)), {"y": 1}),
        ([1, 2], CurrentItem(()), [1, 2]),
        (0, CurrentItem(()), 0),
    ],
)
def test_the_current_item_keeps_its_type(item: Any, reference: CurrentItem, value: Any) -> None:
    iteration = Iteration.from_json(Iteration("Loop", 3, item, 2).to_json())
    assert iteration == Iteration("Loop", 3, item, 2)
    assert resolve({"x": (reference,)}, FixedScope(iteration=iteration)) == {"x": [value]}


def test_a_field_that_the_item_lacks() -> None:
    with pytest.raises(UnresolvedError, match=r"^ForEach\.CurrentItem\.x is undefined for the item with the index 3"):
        resolve(CurrentItem((Member("x"),)), FixedScope(iteration=Iteration("Loop", 3, "a")))


STATES = {"Train_0": "success", "Train_1": "deferred", "Train_2": "failed", "Train_3": None, "Other_0": "running"}


@pytest.mark.parametrize(("index", "count"), [(0, 0), (1, 0), (2, 1), (3, 1), (4, 2), (5, 3)])
def test_who_comes_before_a_child_and_has_not_ended(index: int, count: int) -> None:
    assert unfinished_before(index, "Train", STATES) == count


def child(index: int, number: Any, state: ChildState = ChildState.SUCCEEDED) -> Child:
    output = {"n": number, "index": index} if state is ChildState.SUCCEEDED else None
    return Child(index, f"item {index}", state, output, None if output else "out of luck")


@pytest.mark.parametrize(
    ("greatest", "numbers", "picked"),
    [(True, [1, 3.5, 3], 1), (False, [2, "1e0", 1], 1), (True, ["10", "9"], 0), (True, [-1, -2], 0)],
)
def test_what_is_selected(greatest: bool, numbers: list[Any], picked: int) -> None:
    children = [child(index, number) for index, number in enumerate(numbers)]
    selected: Any = Selector(greatest, ChildOutput("Train", (Member("n"),))).pick(children)
    assert selected["index"] == picked


@pytest.mark.parametrize("number", ["many", True, None, [1], "true", "NaN", "-Infinity", "1e999", math.nan, math.inf])
@pytest.mark.parametrize("others", [[], [child(2, 9)]], ids=["last", "not last"])
def test_what_cannot_be_compared(number: Any, others: list[Child]) -> None:
    with pytest.raises(ForEachError, match=r"^ChildOutput\.Train\.n is .* for Train-1, and only numbers"):
        Selector(True, ChildOutput("Train", (Member("n"),))).pick([child(0, 1), child(1, number), *others])


def test_a_field_that_a_child_lacks() -> None:
    with pytest.raises(ForEachError, match=r"^ChildOutput\.Train\.m is undefined for Train-0: \.m is not in"):
        Selector(True, ChildOutput("Train", (Member("m"),))).pick([child(0, 1)])


def test_counts_and_reasons() -> None:
    children = [child(0, 1), child(1, 2, ChildState.FAILED), child(2, 3, ChildState.STOPPED), child(3, 4)]
    result = result_of(children, None)
    outputs: Any = result.pop("ChildOutputs")
    assert [output and output["index"] for output in outputs] == [0, None, None, 3]
    assert result == {
        "Status": "Failed",
        "InputItemCount": 4,
        "TotalStepCount": 4,
        "SucceededStepCount": 2,
        "FailedStepCount": 1,
        "StoppedStepCount": 1,
    }
    assert told_failures(children, "Train").splitlines() == [
        "2 of its 4 children did not succeed:",
        '- Train-1, item "item 1": out of luck',
        '- Train-2, item "item 2": out of luck',
    ]
    many = [child(index, 0, ChildState.FAILED) for index in range(15)]
    assert told_failures(many, "Train").splitlines()[-1] == "- and 5 more"
