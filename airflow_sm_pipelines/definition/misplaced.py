"""Keys of a step that stand beside its Arguments and belong in them: hand-written Condition and ForEach steps."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.findings import Finding, Severity
from airflow_sm_pipelines.definition.guessing import normal
from airflow_sm_pipelines.definition.paths import render_path, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

_INSIDE: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "Condition": {
            "condition": "Conditions",
            "conditions": "Conditions",
            "ifsteps": "IfSteps",
            "elsesteps": "ElseSteps",
        },
        "ForEach": {
            "iterableitems": "IterableItems",
            "maxconcurrency": "MaxConcurrency",
            "selector": "Selector",
            "foreachbody": "ForEachBody",
        },
    }
)
"""By the type of a step, in their normal form, the keys of Arguments."""


def put_inside(
    scope: Scope, step: dict[str, Json], step_type: str | None, path: JsonPath
) -> tuple[dict[str, Json], dict[str, Json]]:
    """The step without the keys that belong in its Arguments, each a finding, and those that Arguments lack as they are
    written there.

    These are read only to report what else is wrong: the step is refused.
    """
    if (inside := _INSIDE.get(step_type or "")) is None:
        return step, {}
    moved = {key: inside[normal(key)] for key in step if normal(key) in inside}
    arguments = step.get("Arguments")
    present = arguments if isinstance(arguments, dict) else {}
    for key, right in moved.items():
        severity = scope.options.severity_of_keys if right in present else Severity.ERROR
        message = f"unknown key {shorten(key)!r} of a {step_type} step: {right} stands in Arguments"
        place, meant = render_path((path, key)), f"Arguments.{right}"
        scope.collector.add(Finding(message, place, scope.step, meant, severity, on_key=True, code="unknown-key"))
    rest = {key: member for key, member in step.items() if key not in moved} if moved else step
    return rest, {right: _inner(step[key], right) for key, right in moved.items() if right not in present}


def _inner(value: Json, key: str) -> Json:
    """CDK-like classes put the list into an object of the same name."""
    return value[key] if isinstance(value, dict) and key in value else value
