"""JSON values to the value language: literals frozen, ``Get``, ``Std:Join`` and ``Std:JsonGet`` to tagged classes."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import (
    CurrentItem,
    ExecutionVariable,
    ExperimentReference,
    IterationOutput,
    Join,
    JsonGet,
    LocatedExpression,
    PropertyFileReference,
)
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.json_path import JsonPathError, parse_json_path
from airflow_sm_pipelines.definition.paths import describe, listed, shorten
from airflow_sm_pipelines.definition.plain import CONTAINERS
from airflow_sm_pipelines.definition.synonyms import meant_expression, meant_function
from airflow_sm_pipelines.definition.tokenizer import TokenError, parse_get

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Expression, Object, Value
    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

EXECUTION_VARIABLES = (
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
)
JOB_NAME_VARIABLES = {"TrainingJobName": "Training", "ProcessingJobName": "Processing"}
"""The execution variables that exist only while a step of one type makes its own request."""

_FUNCTIONS = ("Get", "Std:Join", "Std:JsonGet")
_FUNCTION_SET = frozenset(_FUNCTIONS)
_JOIN_KEYS = frozenset({"On", "Values"})
_JSON_GET_KEYS = frozenset({"PropertyFile", "S3Uri", "Path"})
_JOIN_NAMES = MappingProxyType({"delimiter": "On", "separator": "On"})
_JSON_GET_NAMES = MappingProxyType({"jsonpath": "Path"})


def read_value(scope: Scope, value: Json, path: JsonPath) -> Value:
    """A value of any shape. What cannot be read is a finding and None."""
    if isinstance(value, dict):
        if len(value) == 1:
            key = next(iter(value))
            if key in _FUNCTION_SET or key[:4].casefold() == "std:":
                return read_expression(scope, key, value[key], path)
            if (meant := meant_expression(key, value[key])) is not None:
                message = f"{shorten(key)!r} is a plain member and no expression"
                scope.warning(message, path, meant, code="plain-member")
        elif not _FUNCTION_SET.isdisjoint(value):
            _warn_extra_keys(scope, value, path)
        return _read_members(scope, value, path)
    if isinstance(value, list):
        return tuple(
            [
                read_value(scope, member, (path, index)) if isinstance(member, CONTAINERS) else member
                for index, member in enumerate(value)
            ]
        )
    return value


def read_object(scope: Scope, value: dict[str, Json], path: JsonPath) -> Object:
    """An object that is not an expression as a whole, such as Arguments."""
    if not _FUNCTION_SET.isdisjoint(value):
        _warn_extra_keys(scope, value, path)
    return _read_members(scope, value, path)


def is_expression(value: Json) -> bool:
    """Whether a JSON value has the form of an expression."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _FUNCTION_SET


def read_expression(scope: Scope, function: str, inner: Json, path: JsonPath) -> Value:
    """An expression by its only key; a finding and None where it cannot be read."""
    expression: Expression | None
    if function == "Get":
        expression = _read_get(scope, inner, path)
        if isinstance(expression, PropertyFileReference):
            scope.error(
                "a property file can only be read by Std:JsonGet, as its PropertyFile", path, code="misplaced-reference"
            )
            return None
    elif function == "Std:Join":
        expression = _read_join(scope, inner, (path, function))
    elif function == "Std:JsonGet":
        expression = _read_json_get(scope, inner, (path, function))
    else:
        expression = None
        message = f"unknown function {function!r}; there are {', '.join(_FUNCTIONS)}"
        near = meant_function(function)
        if near is None and (guess := scope.guess(function[4:], ("Join", "JsonGet"))) is not None:
            # Compared without the prefix, which would make all of them alike.
            near = f"Std:{guess}"
        scope.error(message, path, near, code="unknown-function")
        # What stands in it is read for its findings only.
        if not inner:
            return None
        if near == "Std:Join":
            _read_join(scope, inner, (path, function))
        elif near == "Std:JsonGet":
            _read_json_get(scope, inner, (path, function))
        else:
            read_value(scope, inner, (path, function))
    if expression is not None:
        scope.expressions.append(LocatedExpression(expression, path))
    return expression


def _read_members(scope: Scope, value: dict[str, Json], path: JsonPath) -> Object:
    return FrozenDict(
        {
            key: read_value(scope, member, (path, key)) if isinstance(member, CONTAINERS) else member
            for key, member in value.items()
        }
    )


def _warn_extra_keys(scope: Scope, value: dict[str, Json], path: JsonPath) -> None:
    function = next(key for key in value if key in _FUNCTION_SET)
    others = listed([repr(shorten(key)) for key in value if key != function])
    beside = f"beside {others}" if others else "here"
    scope.warning(
        f"{function!r} {beside} is not an expression but a plain member: an expression has one key",
        path,
        code="plain-member",
    )


def _read_get(scope: Scope, text: Json, path: JsonPath) -> Expression | None:
    if not isinstance(text, str):
        scope.wrong_type("a text like 'Parameters.Name' or 'Steps.Name.Property'", text, (path, "Get"))
        return None
    try:
        expression = parse_get(text)
    except TokenError as error:
        scope.error(
            f"{shorten(text)!r} is no reference: {error.message}, at column {error.column}",
            path,
            error.suggestion,
            code="bad-reference",
        )
        return None
    match expression:
        case ExecutionVariable(name):
            _check_execution_variable(scope, name, path)
        case ExperimentReference(name) if name not in ("ExperimentName", "TrialName"):
            names = ("ExperimentName", "TrialName")
            message = f"PipelineExperimentConfig has no {name!r}, only ExperimentName and TrialName"
            scope.error(message, path, scope.guess(name, names), code="experiment-reference")
        case CurrentItem() if not scope.in_for_each:
            scope.error(
                "ForEach.CurrentItem exists only in the body of a ForEach step", path, code="misplaced-reference"
            )
        case IterationOutput() if not scope.in_selector:
            scope.error(
                "IterationOutput exists only in the Selector of a ForEach step", path, code="misplaced-reference"
            )
        case _:
            pass
    return expression


def _check_execution_variable(scope: Scope, name: str, path: JsonPath) -> None:
    if name not in EXECUTION_VARIABLES:
        message = f"there is no execution variable {name!r}; there are {', '.join(EXECUTION_VARIABLES)}"
        scope.error(message, path, scope.guess(name, EXECUTION_VARIABLES), code="unknown-execution-variable")
        return
    wanted = JOB_NAME_VARIABLES.get(name)
    if wanted is not None and scope.step_type != wanted:
        where = "outside of a step" if scope.step_type is None else f"in a {scope.step_type} step"
        # A real, registrable definition does this: it is read, and the step fails when it is reached.
        scope.warning(
            f"Execution.{name} exists only in a {wanted} step; {where} it fails when it is reached",
            path,
            code="misplaced-reference",
        )


def _read_join(scope: Scope, inner: Json, path: JsonPath) -> Join | None:
    if scope.object(inner, path, "an object with On and Values") is None:
        return None
    assert isinstance(inner, dict)
    inner = scope.respelled(inner, _JOIN_KEYS, ("On", "Values"), path, "Std:Join", _JOIN_NAMES)
    scope.check_keys(inner, _JOIN_KEYS, path, "Std:Join")
    has_all = [scope.require(inner, key, path, "Std:Join") for key in ("On", "Values")]
    if not all(has_all):
        read_value(scope, inner.get("Values"), (path, "Values"))
        return None
    separator = inner["On"]
    if not isinstance(separator, str):
        scope.wrong_type("a literal text", separator, (path, "On"))
        separator = ""
    values = scope.array(inner["Values"], (path, "Values"))
    if values is None:
        return None
    return Join(separator, tuple(_read_join_value(scope, v, ((path, "Values"), i)) for i, v in enumerate(values)))


def _read_join_value(scope: Scope, value: Json, path: JsonPath) -> Value:
    read = read_value(scope, value, path)
    if value is None or isinstance(read, dict | tuple):
        scope.error(
            f"Std:Join joins texts, numbers, booleans and expressions, found {describe(value)}", path, code="join-value"
        )
    return read


def _read_json_get(scope: Scope, inner: Json, path: JsonPath) -> JsonGet | None:
    if scope.object(inner, path, "an object with PropertyFile or S3Uri, and Path") is None:
        return None
    assert isinstance(inner, dict)
    inner = scope.respelled(inner, _JSON_GET_KEYS, ("Path",), path, "Std:JsonGet", _JSON_GET_NAMES)
    scope.check_keys(inner, _JSON_GET_KEYS, path, "Std:JsonGet")
    json_path = _read_literal_path(scope, inner, path)
    source: PropertyFileReference | Value = None
    if ("PropertyFile" in inner) == ("S3Uri" in inner):
        scope.error("Std:JsonGet needs exactly one of 'PropertyFile' and 'S3Uri'", path, code="json-get")
        return None
    if "PropertyFile" in inner:
        source = _read_property_file(scope, inner["PropertyFile"], (path, "PropertyFile"), _step_in(inner))
    else:
        uri = inner["S3Uri"]
        source = read_value(scope, uri, (path, "S3Uri"))
        if not isinstance(uri, str) and not is_expression(uri):
            scope.wrong_type("an S3 URI as a text or an expression", uri, (path, "S3Uri"))
    return None if json_path is None or source is None else JsonGet(source, json_path)


def _read_literal_path(scope: Scope, inner: dict[str, Json], path: JsonPath) -> str | None:
    if not scope.require(inner, "Path", path, "Std:JsonGet"):
        return None
    found = inner["Path"]
    if isinstance(found, str):
        try:
            parse_json_path(found)
        except JsonPathError as error:
            scope.error(str(error).removesuffix("."), (path, "Path"), code="json-path")
        return found
    scope.wrong_type("a literal text (a parameter or Std:Join is not supported there)", found, (path, "Path"))
    return None


def _step_in(inner: dict[str, Json]) -> str | None:
    """The step that other forms of JsonGet, those of the SDK's and CDK's classes, name beside the file."""
    names = [inner.get(key) for key in ("Step", "StepName", "step", "stepName", "step_name")]
    return next((name for name in names if isinstance(name, str) and name), None)


def _read_property_file(
    scope: Scope, value: Json, path: JsonPath, step: str | None = None
) -> PropertyFileReference | None:
    if isinstance(value, dict) and len(value) == 1 and "Get" in value:
        expression = _read_get(scope, value["Get"], path)
        if isinstance(expression, PropertyFileReference):
            scope.expressions.append(LocatedExpression(expression, path))
            return expression
        if expression is None:
            return None
    expected = "a reference like {'Get': 'Steps.<step>.PropertyFiles.<name>'}"
    meant = f"Steps.{step}.PropertyFiles.{value}" if step is not None and isinstance(value, str) else None
    scope.error(f"expected {expected}, found {describe(value)}", path, meant, code="wrong-type")
    return None
