"""One step of any type, and those inside a Condition or ForEach step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.conditions import read_conditions
from airflow_sm_pipelines.definition.expressions import ChildOutput
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.limits import MOST_STEPS
from airflow_sm_pipelines.definition.model import Branches, ForEachBody, Step
from airflow_sm_pipelines.definition.paths import render_path, shorten
from airflow_sm_pipelines.definition.policies import read_cache, read_property_files, read_retry_policies
from airflow_sm_pipelines.definition.scope import Scope
from airflow_sm_pipelines.definition.settings import read_settings
from airflow_sm_pipelines.definition.step_types import NAME_ONLY_TYPES, cannot_be_run
from airflow_sm_pipelines.definition.values import is_expression, read_object, read_value

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Object, Value
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

MAX_DISPLAY_NAME = 256
MAX_DESCRIPTION = 3072
MAX_CONCURRENCY = 50

_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_BRANCH_KEYS = frozenset({"Conditions", "IfSteps", "ElseSteps"})
_FOR_EACH_KEYS = frozenset({"IterableItems", "MaxConcurrency", "Selector", "ForEachBody"})
_SELECTOR_KEYS = frozenset({"Pick", "Field"})
_NOT_IN_BODY = ("Condition", "Fail", "ForEach")


def read_steps(scope: Scope, value: Json, path: JsonPath) -> tuple[Step, ...]:
    """An array of steps; those without a usable name are findings and left out."""
    read = []
    for index, member in enumerate(scope.array(value, path, "an array of steps") or ()):
        scope.collector.steps += 1
        if scope.collector.steps > MOST_STEPS:
            if scope.collector.steps == MOST_STEPS + 1:
                scope.error(
                    f"a definition has at most {MOST_STEPS} steps; this one and what follows is not read",
                    (path, index),
                    code="too-many-steps",
                )
            break
        read.append(_read_step(scope, member, (path, index)))
    return tuple([step for step in read if step is not None])


def _read_step(outer: Scope, value: Json, path: JsonPath) -> Step | None:
    if outer.object(value, path, "a step") is None:
        return None
    assert isinstance(value, dict)
    raw_name, raw_type = value.get("Name"), value.get("Type")
    scope = Scope(
        outer.collector,
        outer.options,
        step=raw_name if isinstance(raw_name, str) else None,
        step_type=raw_type if isinstance(raw_type, str) else None,
        in_for_each=outer.in_for_each,
    )
    name = scope.required_text(value, "Name", path, "a step")
    if name and not _NAME.fullmatch(name):
        scope.error(
            f"a step's name has 1 to 64 of A-Z, a-z, 0-9, '-' and '_', found {shorten(name)!r}",
            (path, "Name"),
            code="step-name",
        )
    step_type = scope.required_text(value, "Type", path, "a step")
    if step_type:
        _check_type(scope, step_type, path)
    cache = read_cache(scope, value.get("CacheConfig"), (path, "CacheConfig"))
    arguments = _read_arguments(scope, value, step_type, path)
    settings: Object = read_settings(scope, value, step_type, path) if step_type else FrozenDict()
    step = Step(
        name=name or "",
        type=step_type or "",
        path=render_path(path),
        arguments=FrozenDict() if isinstance(arguments, Branches | ForEachBody) else arguments,
        settings=settings,
        depends_on=_read_depends_on(scope, value.get("DependsOn"), (path, "DependsOn")),
        display_name=scope.text(value, "DisplayName", path, limit=MAX_DISPLAY_NAME),
        description=scope.text(value, "Description", path, limit=MAX_DESCRIPTION),
        retry_policies=read_retry_policies(scope, value.get("RetryPolicies"), (path, "RetryPolicies")),
        cache=cache,
        property_files=read_property_files(scope, value, path),
        branches=arguments if isinstance(arguments, Branches) else None,
        for_each=arguments if isinstance(arguments, ForEachBody) else None,
        expressions=tuple(scope.expressions),
    )
    return step if name else None


def _check_type(scope: Scope, step_type: str, path: JsonPath) -> None:
    if scope.options.is_known(step_type):
        return
    place: JsonPath = (path, "Type")
    candidates = () if step_type in NAME_ONLY_TYPES else tuple(scope.options.step_types or ())
    message, suggestion = cannot_be_run(step_type), scope.guess(step_type, candidates)
    if scope.options.unsupported_steps == "placeholder":
        scope.warning(
            f"{message}. Until then its task fails when it is reached", place, suggestion, code="unknown-step-type"
        )
    else:
        scope.error(message, place, suggestion, code="unknown-step-type")


def _read_depends_on(scope: Scope, value: Json, path: JsonPath) -> tuple[str, ...]:
    if value is None:
        return ()
    names = []
    for index, member in enumerate(scope.array(value, path, "an array of step names") or ()):
        if isinstance(member, str):
            names.append(member)
        else:
            scope.wrong_type("a step's name", member, (path, index))
    return tuple(names)


def _read_arguments(
    scope: Scope, value: dict[str, Json], step_type: str | None, path: JsonPath
) -> Object | Branches | ForEachBody:
    if not scope.require(value, "Arguments", path, "a step"):
        return FrozenDict()
    place: JsonPath = (path, "Arguments")
    arguments = value["Arguments"]
    if not isinstance(arguments, dict) or is_expression(arguments):
        scope.wrong_type("an object", arguments, place)
        return FrozenDict()
    if step_type == "Condition":
        return _read_branches(scope, arguments, place)
    if step_type == "ForEach":
        return _read_for_each(scope, arguments, place)
    return read_object(scope, arguments, place)


def _read_branches(scope: Scope, value: dict[str, Json], path: JsonPath) -> Branches:
    scope.check_keys(value, _BRANCH_KEYS, path, "a Condition step's Arguments")
    scope.require(value, "Conditions", path, "a Condition step's Arguments")
    conditions = value.get("Conditions", [])
    branches = [[] if value.get(key) is None else value[key] for key in ("IfSteps", "ElseSteps")]
    return Branches(
        read_conditions(scope, conditions, (path, "Conditions")),
        read_steps(scope, branches[0], (path, "IfSteps")),
        read_steps(scope, branches[1], (path, "ElseSteps")),
    )


def _read_for_each(scope: Scope, value: dict[str, Json], path: JsonPath) -> ForEachBody:
    what = "a ForEach step's Arguments"
    scope.check_keys(value, _FOR_EACH_KEYS, path, what)
    items: Value = None
    if scope.require(value, "IterableItems", path, what):
        raw = value["IterableItems"]
        if not is_expression(raw):
            scope.wrong_type("an expression that gives a list", raw, (path, "IterableItems"))
        items = read_value(scope, raw, (path, "IterableItems"))
    body = _read_body(scope, value, path) if scope.require(value, "ForEachBody", path, what) else ()
    return ForEachBody(items, body, _read_concurrency(scope, value, path), _read_selector(scope, value, path))


def _read_body(scope: Scope, value: dict[str, Json], path: JsonPath) -> tuple[Step, ...]:
    place: JsonPath = (path, "ForEachBody")
    inner = Scope(scope.collector, scope.options, scope.step, scope.step_type, in_for_each=True)
    body = read_steps(inner, value["ForEachBody"], place)
    members = value["ForEachBody"]
    if isinstance(members, list) and len(members) != 1:
        scope.error(
            f"the body of a ForEach step is exactly one step, found {len(members)}", place, code="for-each-body"
        )
    for index, step in enumerate(body):
        if step.type in _NOT_IN_BODY:
            scope.error(
                f"a {step.type} step cannot be the body of a ForEach step",
                ((place, index), "Type"),
                code="for-each-body",
            )
    return body


def _read_concurrency(scope: Scope, value: dict[str, Json], path: JsonPath) -> Value:
    found = value.get("MaxConcurrency")
    if found is None:
        return None
    place: JsonPath = (path, "MaxConcurrency")
    is_number = isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MAX_CONCURRENCY
    if not is_number and not is_expression(found):
        scope.wrong_type(f"a whole number from 1 to {MAX_CONCURRENCY} or an expression", found, place)
    return read_value(scope, found, place)


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
        if not isinstance(field, ChildOutput) and not unreadable:
            expected = "a reference like {'Get': 'ChildOutput.<step>.<property>'}"
            scope.wrong_type(expected, found["Field"], (place, "Field"))
    return selector
