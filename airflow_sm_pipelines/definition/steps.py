"""One step of any type, and those inside a Condition or ForEach step."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.conditions import read_conditions
from airflow_sm_pipelines.definition.depends_on import read_depends_on
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.limits import MAX_STEPS
from airflow_sm_pipelines.definition.loops import read_loop
from airflow_sm_pipelines.definition.misplaced import put_inside
from airflow_sm_pipelines.definition.model import Branches, ForEachBody, Step
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.policies import read_cache, read_property_files, read_retry_policies
from airflow_sm_pipelines.definition.scope import Scope
from airflow_sm_pipelines.definition.settings import read_settings
from airflow_sm_pipelines.definition.step_types import COMMON_KEYS, NAME_ONLY_TYPES, cannot_be_run
from airflow_sm_pipelines.definition.synonyms import meant_type
from airflow_sm_pipelines.definition.values import is_expression, read_object

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Object
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.syntax import Json

MAX_DISPLAY_NAME = 256
MAX_DESCRIPTION = 3072

_WITH_STEPS = ("Condition", "ForEach")
_REQUIRED = ("Name", "Type", "Arguments")
_OTHER_NAMES = MappingProxyType({"stepname": "Name", "steptype": "Type", "args": "Arguments"})
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_BRANCH_KEYS = frozenset({"Conditions", "IfSteps", "ElseSteps"})


def read_steps(scope: Scope, value: Json, path: JsonPath) -> tuple[Step, ...]:
    """An array of steps; those without a usable name are findings and left out."""
    read = []
    for index, member in enumerate(scope.array(value, path, "an array of steps") or ()):
        scope.collector.steps += 1
        if scope.collector.steps > MAX_STEPS:
            if scope.collector.steps == MAX_STEPS + 1:
                scope.error(
                    f"a definition has at most {MAX_STEPS} steps; this one and what follows is not read",
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
    value = outer.respelled(value, COMMON_KEYS, _REQUIRED, path, "a step", _OTHER_NAMES)
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
        step_type = scope.step_type = _known_type(scope, step_type, path)
    value, inside = put_inside(scope, value, step_type, path)
    cache = read_cache(scope, value.get("CacheConfig"), (path, "CacheConfig"))
    arguments = _read_arguments(scope, value, step_type, path, inside)
    settings: Object = read_settings(scope, value, step_type, path) if step_type else FrozenDict()
    step = Step(
        name=name or "",
        type=step_type or "",
        location=path,
        arguments=FrozenDict() if isinstance(arguments, Branches | ForEachBody) else arguments,
        settings=settings,
        depends_on=read_depends_on(scope, value.get("DependsOn"), (path, "DependsOn")),
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


def _known_type(scope: Scope, step_type: str, path: JsonPath) -> str:
    """The type of a step. One that is refused is read as the type that was meant, for what else is wrong with it.

    A guess by the spelling is not sure enough to judge the values by; it says only where steps stand inside.
    """
    if scope.options.is_known(step_type):
        return step_type
    place: JsonPath = (path, "Type")
    candidates = () if step_type in NAME_ONLY_TYPES else tuple(scope.options.step_types or ())
    message = cannot_be_run(step_type)
    meant = meant_type(step_type, candidates)
    suggestion = meant or scope.guess(step_type, candidates)
    if scope.options.unsupported_steps == "placeholder":
        scope.warning(
            f"{message}. Until then its task fails when it is reached", place, suggestion, code="unknown-step-type"
        )
        return step_type
    scope.error(message, place, suggestion, code="unknown-step-type")
    return suggestion if suggestion is not None and suggestion in (meant, *_WITH_STEPS) else step_type


def _read_arguments(
    scope: Scope, value: dict[str, Json], step_type: str | None, path: JsonPath, inside: dict[str, Json]
) -> Object | Branches | ForEachBody:
    """The Arguments, with what stands beside them and belongs ``inside``."""
    place: JsonPath = (path, "Arguments")
    if not scope.require(value, "Arguments", path, "a step") and not inside:
        return FrozenDict()
    arguments = value.get("Arguments", {})
    if inside and isinstance(arguments, dict):
        arguments, place = {**inside, **arguments}, path
    if not isinstance(arguments, dict) or is_expression(arguments):
        scope.wrong_type("an object", arguments, place)
        return FrozenDict()
    if step_type == "Condition":
        return _read_branches(scope, arguments, place)
    if step_type == "ForEach":
        return read_loop(scope, arguments, place, read_steps)
    return read_object(scope, arguments, place)


def _read_branches(scope: Scope, value: dict[str, Json], path: JsonPath) -> Branches:
    value = scope.respelled(value, _BRANCH_KEYS, ("Conditions",), path, "a Condition step's Arguments")
    scope.check_keys(value, _BRANCH_KEYS, path, "a Condition step's Arguments")
    scope.require(value, "Conditions", path, "a Condition step's Arguments")
    conditions = value.get("Conditions", [])
    branches = [[] if value.get(key) is None else value[key] for key in ("IfSteps", "ElseSteps")]
    return Branches(
        read_conditions(scope, conditions, (path, "Conditions")),
        read_steps(scope, branches[0], (path, "IfSteps")),
        read_steps(scope, branches[1], (path, "ElseSteps")),
    )
