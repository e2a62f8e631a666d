from __future__ import annotations

import pytest

from airflow_sm_pipelines.definition.expressions import to_json
from tests.definition.build import document, for_each, get, only, parameter, read_step, step


def test_for_each() -> None:
    body = step(
        "Body", "Training", {"a": get("ForEach.CurrentItem"), "b": [{"c": get("ForEach.CurrentItem.a[0]['b']")}]}
    )
    selector = {"Pick": "MaxBy", "Field": get("IterationOutput.Body.Metric")}
    value = for_each("Loop", (body,), MaxConcurrency=5, Selector=selector)
    read_loop = read_step(value, Parameters=[parameter("Items")])
    assert read_loop.for_each is not None
    assert (read_loop.for_each.max_concurrency, read_loop.for_each.body[0].name) == (5, "Body")
    assert read_loop.arguments == {}
    assert read_loop.inner_steps == read_loop.for_each.body


L = "$.Steps[0].Arguments"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"IterableItems": []}, f"{L}.IterableItems", "a literal list has 1 to 100 items, found 0"),
        ({"IterableItems": [1] * 101}, f"{L}.IterableItems", "a literal list has 1 to 100 items, found 101"),
        ({"IterableItems": "[1]"}, f"{L}.IterableItems", "expected an expression that gives the JSON text of a list"),
        (
            {"IterableItems": ["a", {"b": 1}]},
            f"{L}.IterableItems[1]",
            "an item of a literal list is a text, a number, a boolean or a reference, found an object",
        ),
        ({"IterableItems": [["a"]]}, f"{L}.IterableItems[0]", "an item of a literal list is a text, a number"),
        ({"IterableItems": [None]}, f"{L}.IterableItems[0]", "an item of a literal list is a text, a number"),
        ({"IterableItems": [get("Parameters.No")]}, f"{L}.IterableItems[0]", "the parameter 'No' is not declared"),
        (
            {"IterableItems": [get("ForEach.CurrentItem")]},
            f"{L}.IterableItems[0]",
            "ForEach.CurrentItem exists only in",
        ),
        ({"ForEachBody": []}, f"{L}.ForEachBody", "the body of a ForEach step has at least one step"),
        ({"ForEachBody": [step("B", "Fail")]}, f"{L}.ForEachBody[0].Type", "a Fail step cannot stand in the body"),
        (
            {"ForEachBody": [step("B"), for_each("In", (step("D"),))]},
            f"{L}.ForEachBody[1].Type",
            "a ForEach step cannot stand in the body",
        ),
        ({"ForEachBody": {}}, f"{L}.ForEachBody", "expected an array of steps, found an object"),
        ({"MaxConcurrency": 51}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50"),
        ({"MaxConcurrency": True}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50"),
        (
            {"ForEachBody": [step("upstream_join_id")]},
            f"{L}.ForEachBody[0].Name",
            "Airflow keeps the name 'upstream_join_id' for itself",
        ),
        ({"MaxConcurrency": 0}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50, found the number 0"),
        ({"MaxConcurrency": None}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50, found null"),
        ({"MaxConcurrency": get("Parameters.Items")}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50"),
        ({"Selector": 1}, f"{L}.Selector", "expected an object with Pick and Field, found the number 1"),
        (
            {"Selector": {"Pick": "Max", "Field": get("IterationOutput.Body.x")}},
            f"{L}.Selector.Pick",
            "'Max' is no way to pick; expected one of MaxBy, MinBy",
        ),
        ({"Selector": {"Pick": "MaxBy"}}, f"{L}.Selector", "a Selector needs the key 'Field'"),
        ({"Selector": {"Pick": "MaxBy", "Field": "x"}}, f"{L}.Selector.Field", "expected a reference like"),
        ({"Selector": {"Pick": "MaxBy", "Field": None}}, f"{L}.Selector.Field", "expected a reference like"),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("Parameters.Items")}},
            f"{L}.Selector.Field",
            "expected a reference",
        ),
        ({"Selector": {"Pick": "MaxBy", "Field": get("Child.x")}}, f"{L}.Selector.Field", "'Child.x' is no reference"),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("IterationOutput.Bod.x")}},
            f"{L}.Selector.Field",
            "'Bod' is no step in the body of this ForEach step",
        ),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("IterationOutput.Body")}},
            f"{L}.Selector.Field",
            "expected a reference like {'Get': 'IterationOutput.<body step>.<property>'}",
        ),
        (
            {"Selector": {"Pick": "MaxBy", "Field": get("ChildOutput.Body.x")}},
            f"{L}.Selector.Field",
            "'ChildOutput.Body.x' is no reference: ChildOutput is of a draft",
        ),
        ({"Concurrency": 1}, f"{L}.Concurrency", "unknown key 'Concurrency'"),
    ],
)
def test_each_wrong_for_each_is_a_finding(change: dict[str, object], path: str, message: str) -> None:
    finding = only(document(for_each("Loop", (step("Body"),), **change), Parameters=[parameter("Items")]))
    assert finding.path == path
    assert finding.message.startswith(message)


def test_items_may_be_a_literal_list_of_scalars_and_references() -> None:
    loop = for_each("Loop", (step("Body"),), IterableItems=["x", get("Parameters.One"), 3, 0.5, False])
    read = read_step(loop, Parameters=[parameter("One")])
    assert read.for_each is not None
    assert to_json(read.for_each.items) == loop["Arguments"]["IterableItems"]


def test_the_concurrency_has_to_be_given() -> None:
    loop = for_each("Loop", (step("Body"),))
    del loop["Arguments"]["MaxConcurrency"]
    finding = only(document(loop, Parameters=[parameter("Items")]))
    assert (finding.path, finding.code) == (L, "missing-key")
    assert finding.message == "a ForEach step's Arguments needs the key 'MaxConcurrency', a whole number from 1 to 50"
