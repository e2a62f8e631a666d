"""``$.Parameters``: declared types, defaults and enumerations."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.limits import MAX_PARAMETERS
from airflow_sm_pipelines.definition.model import Parameter, ParameterType
from airflow_sm_pipelines.definition.paths import describe, listed, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.paths import JsonPath
    from airflow_sm_pipelines.definition.scope import Scope
    from airflow_sm_pipelines.definition.syntax import Json

SELECTED_STEPS = "sagemaker_selected_steps"
SOURCE_RUN = "sagemaker_source_run_id"
EXECUTION = "sagemaker_execution"
RESERVED = frozenset({SELECTED_STEPS, SOURCE_RUN, EXECUTION})
"""The names by which a run, which is given values for parameters, is asked to run a part of the pipeline,
and how."""

_KEYS = frozenset({"Name", "Type", "DefaultValue", "EnumValues", "Description"})
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,256}")
MAX_DIGITS = 4300
"""Digits of an Integer: as many as Python writes."""

_INTEGER = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}
_TYPES = {kind.value: kind for kind in ParameterType}


def read_parameters(scope: Scope, value: Json, path: JsonPath) -> Mapping[str, Parameter]:
    """The parameters by name, in document order."""
    parameters: dict[str, Parameter] = {}
    if value is None:
        return FrozenDict()
    members = scope.array(value, path, "an array of parameters") or []
    if len(members) > MAX_PARAMETERS:
        scope.error(
            f"a definition has at most {MAX_PARAMETERS} parameters, found {len(members)}",
            path,
            code="too-many-parameters",
        )
    for index, member in enumerate(members[:MAX_PARAMETERS]):
        parameter = _read_parameter(scope, member, (path, index))
        if parameter is None:
            continue
        if parameter.name in parameters:
            message = f"the parameter {parameter.name!r} is already declared at {parameters[parameter.name].path}"
            scope.error(message, ((path, index), "Name"), code="duplicate-parameter")
        else:
            parameters[parameter.name] = parameter
    return FrozenDict(parameters)


def coerce(text: str, kind: ParameterType) -> str | int | float | bool | None:
    """A parameter's value as the service takes it, a text, in the declared type; None where it does not fit.

    This is the form in which values are given at the start of an execution, and in which some tools write defaults.
    """
    if kind is ParameterType.STRING:
        return text
    if kind is ParameterType.BOOLEAN:
        return _BOOLEANS.get(text)
    if kind is ParameterType.INTEGER:
        return int(text) if _INTEGER.fullmatch(text) else None
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else None
    return None


def _read_parameter(scope: Scope, value: Json, path: JsonPath) -> Parameter | None:
    if scope.object(value, path, "an object with Name and Type") is None:
        return None
    assert isinstance(value, dict)
    value = scope.respelled(value, _KEYS, ("Name",), path, "a parameter")
    scope.check_keys(value, _KEYS, path, "a parameter")
    name = scope.required_text(value, "Name", path, "a parameter")
    if name and not _NAME.fullmatch(name):
        scope.error(
            f"a parameter's name has 1 to 256 of A-Z, a-z, 0-9, '-' and '_', found {shorten(name)!r}",
            (path, "Name"),
            code="parameter-name",
        )
    if name in RESERVED:
        scope.error(
            f"no parameter can be called {name!r}: that says which steps a run is to run",
            (path, "Name"),
            code="parameter-name",
        )
    kind = _read_type(scope, value, path)
    enum_values = _read_enum(scope, value, kind, path)
    has_default = "DefaultValue" in value
    default = _read_default(scope, value["DefaultValue"], kind, enum_values, path) if has_default else None
    description = scope.text(value, "Description", path)
    if not name or kind is None:
        return None if not name else Parameter(name, ParameterType.STRING, path)
    absent = value.get("Type") is None
    return Parameter(name, kind, path, has_default, default, enum_values, description, absent)


def _read_type(scope: Scope, value: dict[str, Json], path: JsonPath) -> ParameterType | None:
    if value.get("Type") is None:
        return ParameterType.STRING
    found = scope.text(value, "Type", path)
    if found is None or not scope.choice(found, _TYPES, (path, "Type"), "parameter type"):
        return None
    return _TYPES[found]


def _read_enum(scope: Scope, value: dict[str, Json], kind: ParameterType | None, path: JsonPath) -> tuple[str, ...]:
    found = value.get("EnumValues")
    if found is None:
        return ()
    place: JsonPath = (path, "EnumValues")
    if kind not in (ParameterType.STRING, None):
        scope.error(f"only a String parameter can have EnumValues, this one is {kind.value}", place, code="enum-values")
        return ()
    texts = []
    for index, member in enumerate(scope.array(found, place, "an array of texts") or ()):
        if isinstance(member, str):
            texts.append(member)
        else:
            scope.wrong_type("a text", member, (place, index))
    return tuple(texts)


def _read_default(
    scope: Scope, value: Json, kind: ParameterType | None, enum_values: tuple[str, ...], path: JsonPath
) -> str | int | float | bool | None:
    place: JsonPath = (path, "DefaultValue")
    if kind is None:
        return None
    default = _fit(value, kind)
    if default is None:
        hint = "; leave the key out for a parameter without default" if value is None else ""
        scope.error(
            f"expected a default of type {kind.value}, found {describe(value)}{hint}", place, code="default-value"
        )
    elif enum_values and default not in enum_values:
        among = listed([repr(shorten(value)) for value in enum_values])
        scope.error(
            f"the default {shorten(str(default))!r} is none of EnumValues: {among}", place, code="default-value"
        )
    return default


def _fit(value: Json, kind: ParameterType) -> str | int | float | bool | None:
    if isinstance(value, str):
        return coerce(value, kind)
    if isinstance(value, bool):
        return value if kind is ParameterType.BOOLEAN else None
    if isinstance(value, int):
        fits = kind is ParameterType.INTEGER or (kind is ParameterType.FLOAT and abs(value) <= sys.float_info.max)
        return value if fits else None
    if isinstance(value, float):
        if kind is ParameterType.INTEGER:
            return int(value) if value.is_integer() else None
        return value if kind is ParameterType.FLOAT else None
    return None


def read_metadata(scope: Scope, value: Json, path: JsonPath) -> Mapping[str, str | int | float | bool | None]:
    """``$.Metadata``: scalars by name, without known effect."""
    metadata: dict[str, str | int | float | bool | None] = {}
    if value is None:
        return FrozenDict()
    for key, member in (scope.object(value, path) or {}).items():
        if isinstance(member, dict | list):
            scope.wrong_type("a text", member, (path, key))
        else:
            metadata[key] = member
    return FrozenDict(metadata)
