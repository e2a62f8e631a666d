from __future__ import annotations

import pytest

from tests.definition.build import document, for_each, get, only, parameter, read_step, step


def test_for_each() -> None:
    body = step("Body", "Training", {"a": get("ForEach.CurrentItem"), "b": get("ForEach.CurrentItem.name")})
    selector = {"Pick": "MaxBy", "Field": get("ChildOutput.Body.Metric")}
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
        ({"IterableItems": [1, 2]}, f"{L}.IterableItems", "expected an expression that gives a list, found an array"),
        ({"ForEachBody": []}, f"{L}.ForEachBody", "the body of a ForEach step is exactly one step, found 0"),
        ({"ForEachBody": [step("B"), step("D")]}, f"{L}.ForEachBody", "the body of a ForEach step is exactly one step"),
        ({"ForEachBody": [step("B", "Fail")]}, f"{L}.ForEachBody[0].Type", "a Fail step cannot be the body"),
        ({"ForEachBody": {}}, f"{L}.ForEachBody", "expected an array of steps, found an object"),
        ({"MaxConcurrency": 51}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50 or an expression"),
        ({"MaxConcurrency": True}, f"{L}.MaxConcurrency", "expected a whole number from 1 to 50 or an expression"),
        ({"Selector": 1}, f"{L}.Selector", "expected an object with Pick and Field, found the number 1"),
        (
            {"Selector": {"Pick": "Max", "Field": get("ChildOutput.Body.x")}},
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
            {"Selector": {"Pick": "MaxBy", "Field": get("ChildOutput.Bod.x")}},
            f"{L}.Selector.Field",
            "'Bod' is not the step in the body of this ForEach step",
        ),
        ({"Concurrency": 1}, f"{L}.Concurrency", "unknown key 'Concurrency'"),
        (
            {"ForEachBody": [step("B", arguments={"x": get("ForEach.CurrentItem.a.b")})]},
            f"{L}.ForEachBody[0].Arguments.x",
            "ForEach.CurrentItem can be followed by one field at most",
        ),
    ],
)
def test_each_wrong_for_each_is_a_finding(change: dict[str, object], path: str, message: str) -> None:
    finding = only(document(for_each("Loop", (step("Body"),), **change), Parameters=[parameter("Items")]))
    assert finding.path == path
    assert finding.message.startswith(message)
