"""The Arguments of a ForEach step: its items, its body and what it selects (semantics 2.17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import Index, IterationOutput, Key, Member
from airflow_sm_pipelines.definition.model import ForEachBody
from airflow_sm_pipelines.definition.paths import describe
from airflow_sm_pipelines.definition.scope import Scope
from airflow_sm_pipelines.definition.values import is_expression, read_object, read_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.definition.expressions import Object, PropertyPath, Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

MAX_CONCURRENCY = 50
MAX_LITERAL_ITEMS = 100

OUTPUTS, SELECTED = "IterationOutputs", "Selected"
"""The properties of a ForEach step that lead to results of the steps in its body."""

_WHAT = "a ForEach step's Arguments"
_KEYS = frozenset({"IterableItems", "MaxConcurrency", "Selector", "ForEachBody"})
_SELECTOR_KEYS = frozenset({"Pick", "Field"})
_NOT_IN_BODY = ("Condition", "Fail", "ForEach")
# What Airflow calls two nodes of a task group as it draws the graph.
_NAMES_IN_GROUPS = ("upstream_join_id", "downstream_join_id")


def read_loop(
    scope: Scope,
    value: dict[str, Json],
    path: JsonPath,
    read_steps: Callable[[Scope, Json, JsonPath], tuple[Step, ...]],
) -> ForEachBody:
    """What a ForEach step holds; ``read_steps`` reads the steps of its body."""
    value = scope.respelled(value, _KEYS, ("IterableItems", "MaxConcurrency", "ForEachBody"), path, _WHAT)
    scope.check_keys(value, _KEYS, path, _WHAT)
    items = _read_items(scope, value, path) if scope.require(value, "IterableItems", path, _WHAT) else None
    limit = _read_concurrency(scope, value, path)
    body: tuple[Step, ...] = ()
    if scope.require(value, "ForEachBody", path, _WHAT):
        inner = Scope(scope.collector, scope.options, scope.step, scope.step_type, in_for_each=True)
        place: JsonPath = (path, "ForEachBody")
        body = read_steps(inner, value["ForEachBody"], place)
        _check_body(scope, value["ForEachBody"], body, place)
    return ForEachBody(items, body, limit, _read_selector(scope, value, path))


def selected_body(loop: ForEachBody) -> str | None:
    """The step of the body that the Selector's Field names, whose result ``Selected`` is; None without a Selector."""
    field = loop.selector.get("Field") if isinstance(loop.selector, Mapping) else None
    return field.step if isinstance(field, IterationOutput) else None


def result_within(loop: ForEachBody, path: PropertyPath) -> tuple[Step, int] | None:
    """The step of the body to whose result a property of the ForEach step leads, and how much of the path leads there;
    None for a property that leads to none.
    """
    match path:
        case (Member(property_name), *_) if property_name == SELECTED:
            name, depth = selected_body(loop), 1
        case (Member(property_name), Index(), Member(name) | Key(name), *_) if property_name == OUTPUTS:
            depth = 3
        case _:
            return None
    return next(((step, depth) for step in loop.body if step.name == name), None)


def _read_items(scope: Scope, value: dict[str, Json], path: JsonPath) -> Value:
    place: JsonPath = (path, "IterableItems")
    found = value["IterableItems"]
    if isinstance(found, list):
        if not 1 <= len(found) <= MAX_LITERAL_ITEMS:
            scope.error(
                f"a literal list has 1 to {MAX_LITERAL_ITEMS} items, found {len(found)}", place, code="for-each-items"
            )
        for index, item in enumerate(found):
            if not (isinstance(item, str | int | float) or is_expression(item)):
                scope.error(
                    f"an item of a literal list is a text, a number, a boolean or a reference, found {describe(item)}",
                    (place, index),
                    code="for-each-items",
                )
    elif not is_expression(found):
        scope.wrong_type("an expression that gives the JSON text of a list, or a list of items", found, place)
    return read_value(scope, found, place)


def _check_body(scope: Scope, members: Json, body: tuple[Step, ...], place: JsonPath) -> None:
    if members == []:
        scope.error("the body of a ForEach step has at least one step", place, code="for-each-body")
    for step in body:
        if step.name in _NAMES_IN_GROUPS:
            message = f"Airflow keeps the name {step.name!r} for itself in a task group: give the step another one"
            scope.collector.error(message, f"{step.path}.Name", step=step.name, code="step-name")
        if step.type in _NOT_IN_BODY:
            scope.collector.error(
                f"a {step.type} step cannot stand in the body of a ForEach step",
                f"{step.path}.Type",
                step=scope.step,
                code="for-each-body",
            )


def _read_concurrency(scope: Scope, value: dict[str, Json], path: JsonPath) -> int:
    if "MaxConcurrency" not in value:
        message = f"{_WHAT} needs the key 'MaxConcurrency', a whole number from 1 to {MAX_CONCURRENCY}"
        scope.error(message, path, code="missing-key")
        return 1
    found = value["MaxConcurrency"]
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MAX_CONCURRENCY:
        return found
    scope.wrong_type(f"a whole number from 1 to {MAX_CONCURRENCY}", found, (path, "MaxConcurrency"))
    return 1


def _read_selector(scope: Scope, value: dict[str, Json], path: JsonPath) -> Object | None:
    found = value.get("Selector")
    place: JsonPath = (path, "Selector")
    if found is None or scope.object(found, place, "an object with Pick and Field") is None:
        return None
    assert isinstance(found, dict)
    scope.check_keys(found, _SELECTOR_KEYS, place, "a Selector")
    if (pick := scope.required_text(found, "Pick", place, "a Selector")) is not None:
        scope.choice(pick, ("MaxBy", "MinBy"), (place, "Pick"), "way to pick")
    scope.in_selector = True
    selector = read_object(scope, found, place)
    scope.in_selector = False
    if scope.require(found, "Field", place, "a Selector"):
        field = selector["Field"]
        # An expression that cannot be read has a finding of its own.
        unreadable = field is None and is_expression(found["Field"])
        if not unreadable and not (isinstance(field, IterationOutput) and field.path):
            expected = "a reference like {'Get': 'IterationOutput.<body step>.<property>'}"
            scope.wrong_type(expected, found["Field"], (place, "Field"))
    return selector
