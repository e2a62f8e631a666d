"""The keys of a step's type that stand beside Arguments, such as a Lambda's FunctionArn."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.step_types import COMMON_KEYS
from airflow_sm_pipelines.definition.values import is_expression, read_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.expressions import Object, Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.step_types import SettingKind, StepSyntax
    from airflow_sm_pipelines.definition.syntax import Json

_OUTPUT_KEYS = frozenset({"OutputName", "OutputType"})
_OTHER_NAMES = MappingProxyType(
    {
        "lambdaarn": "FunctionArn",
        "lambdafunctionarn": "FunctionArn",
        "functionname": "FunctionArn",
        "queueurl": "SqsQueueUrl",
        "sqsqueue": "SqsQueueUrl",
        "outputs": "OutputParameters",
    }
)
_OUTPUT_TYPES = {kind.value: kind for kind in ParameterType}


def read_settings(scope: Scope, step: dict[str, Json], step_type: str, path: JsonPath) -> Object:
    """The settings of a step; those of a type of which no more is known are kept as they are."""
    syntax = scope.options.syntax_of(step_type)
    if syntax is None:
        extra = [key for key in step if key not in COMMON_KEYS]
        return FrozenDict({key: read_value(scope, step[key], (path, key)) for key in extra})
    kinds, required, what = syntax.settings, syntax.required, f"a {step_type} step"
    if required is not None:
        step = scope.respelled(step, COMMON_KEYS | kinds.keys(), (required,), path, what, _OTHER_NAMES)
    scope.check_keys(step, COMMON_KEYS | kinds.keys(), path, what)
    if required is not None and scope.require(step, required, path, what) and step[required] is None:
        scope.wrong_type("a text or an expression", None, (path, required))
    return FrozenDict(
        {
            key: _read_setting(scope, member, kinds[key], syntax, (path, key))
            for key, member in step.items()
            if key in kinds
        }
    )


def output_parameters(step: Step) -> Mapping[str, ParameterType]:
    """The declared ``OutputParameters`` of a Lambda or Callback step, by name."""
    declared = step.settings.get("OutputParameters")
    outputs = {}
    for output in declared if isinstance(declared, tuple) else ():
        if isinstance(output, dict):
            name, kind = output.get("OutputName"), output.get("OutputType")
            if isinstance(name, str) and isinstance(kind, str) and kind in _OUTPUT_TYPES:
                outputs[name] = _OUTPUT_TYPES[kind]
    return outputs


def _read_setting(scope: Scope, value: Json, kind: SettingKind, syntax: StepSyntax, path: JsonPath) -> Value:
    if value is None:
        return None
    match kind:
        case "outputs":
            return _read_outputs(scope, value, path)
        case "check":
            _read_check_type(scope, value, syntax.checks, path)
            return value if isinstance(value, str) else None
        case "flag":
            if not isinstance(value, bool) and not is_expression(value):
                scope.wrong_type("true, false or an expression", value, path)
        case "text":
            if not isinstance(value, str) and not is_expression(value):
                scope.wrong_type("a text or an expression", value, path)
    return read_value(scope, value, path)


def _read_check_type(scope: Scope, value: Json, checks: tuple[str, ...], path: JsonPath) -> None:
    if isinstance(value, str):
        scope.choice(value, checks, path, f"CheckType of a {scope.step_type} step")
    else:
        scope.wrong_type("a literal text", value, path)


def _read_outputs(scope: Scope, value: Json, path: JsonPath) -> Value:
    seen: set[str] = set()
    read: list[Value] = []
    for index, member in enumerate(scope.array(value, path, "an array of output parameters") or ()):
        place: JsonPath = (path, index)
        if scope.object(member, place, "an object with OutputName and OutputType") is None:
            continue
        assert isinstance(member, dict)
        member = scope.respelled(
            member,
            _OUTPUT_KEYS,
            _OUTPUT_KEYS,
            place,
            "an output parameter",
            {"name": "OutputName", "type": "OutputType"},
        )
        scope.check_keys(member, _OUTPUT_KEYS, place, "an output parameter")
        name = scope.required_text(member, "OutputName", place, "an output parameter")
        kind = scope.required_text(member, "OutputType", place, "an output parameter")
        if kind is not None:
            scope.choice(kind, _OUTPUT_TYPES, (place, "OutputType"), "output type")
        if name in seen:
            scope.error(
                f"the output parameter {name!r} stands twice in this step",
                (place, "OutputName"),
                code="duplicate-output",
            )
        if name and kind:
            seen.add(name)
            read.append(FrozenDict({"OutputName": name, "OutputType": kind}))
    return tuple(read)
