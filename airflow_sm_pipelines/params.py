"""Pipeline parameters as Airflow's typed Params: the trigger form, and what it refuses (semantics 1.2)."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.numbers import MAX_NUMBER, MIN_NUMBER, fits
from airflow_sm_pipelines.definition.parameters import MAX_DIGITS, RESERVED, SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.given_values import (
    missing_values,
    unknown_parameter,
    wrong_templates,
    wrong_values,
)
from airflow_sm_pipelines.expressions.parameters import coerce, is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from airflow.sdk import DAG

    from airflow_sm_pipelines.definition.model import Parameter, Pipeline
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.given_parameters import GivenParameters

SCHEMA_TYPES = {
    ParameterType.STRING: "string",
    ParameterType.INTEGER: "integer",
    ParameterType.FLOAT: "number",
    ParameterType.BOOLEAN: "boolean",
}

HIDDEN_DEFAULT = "Leave it empty for the default, which is not shown: by its name it is a secret."

PATTERNS = {
    ParameterType.INTEGER: f"^[+-]?[0-9]{{1,{MAX_DIGITS}}}$",
    ParameterType.FLOAT: r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$",
}
"""The texts that are numbers of a type."""


def params_of(
    pipeline: Pipeline,
    values: Mapping[str, Any],
    is_secret: IsSecret,
    *,
    scheduled: bool,
    templates: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Param]:
    """The Params of a pipeline's parameters; ``values`` take the place of their defaults, and ``templates`` give some
    their values where a run does not.

    A Param shows its default to whoever may see the Dag. So that of a secret has none: left empty, the parameter has
    the value of :func:`with_values`.

    :raises DefinitionError: for a value of no parameter or of another type, and for a parameter without a value in
        a pipeline that is scheduled
    """
    findings = [*wrong_values(pipeline.parameters, values, is_secret)]
    if scheduled:
        findings += missing_values(pipeline.parameters, {**values, **templates})
    if findings:
        raise DefinitionError("parameters", findings)
    return {
        name: _templated(parameter, templates[name], is_secret)
        if name in templates
        else _param(parameter, values, is_secret)
        for name, parameter in pipeline.parameters.items()
    }


def with_values(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], is_secret: IsSecret
) -> dict[str, Parameter]:
    """The parameters with the defaults that hold in this Dag, where a Param does not show them."""
    return {
        name: replace(parameter, default=coerce(parameter, values[name], is_secret), has_default=True)
        if name in values and is_secret_parameter(parameter, is_secret)
        else parameter
        for name, parameter in parameters.items()
    }


def fixed_values(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], is_secret: IsSecret
) -> dict[str, Parameter]:
    """The parameters with the values as their defaults: no run gives them others."""
    return {
        name: replace(parameter, default=coerce(parameter, values[name], is_secret), has_default=True)
        if name in values
        else parameter
        for name, parameter in parameters.items()
    }


def check_values(
    parameters: Mapping[str, Parameter],
    given: GivenParameters,
    taken: Collection[str],
    dag: DAG,
    is_secret: IsSecret,
) -> None:
    """Judge the values of a pipeline that stands in a task group; ``taken`` are those that other tasks give.

    :raises DefinitionError: for a value of no parameter or of another type, and for a parameter without one
    """
    findings = [
        *wrong_values(parameters, given.values, is_secret),
        *wrong_templates(
            parameters,
            given.templates,
            macros=dag.user_defined_macros or {},
            filters=dag.user_defined_filters or {},
            in_group=True,
        ),
    ]
    findings += [unknown_parameter(name, parameters) for name in taken if name not in parameters]
    findings += [
        Finding(
            f"The parameter {parameter.name!r} has no default, and a task group no form: give it a value with"
            " parameters=.",
            parameter.path,
            code="no-value",
        )
        for parameter in parameters.values()
        if not parameter.has_default and parameter.name not in given.known and parameter.name not in taken
    ]
    if findings:
        raise DefinitionError("parameters", findings)


def own_params(given: Mapping[str, Any] | None, pipeline: Pipeline, *, scheduled: bool) -> dict[str, Param]:
    """The Dag's own Params, which stand beside those of the pipeline's parameters.

    :raises DefinitionError: where a name is the pipeline's, and for a Param without a value in a Dag with a schedule
    """
    own = (
        {} if not given else {name: given.get_param(name) for name in given} if isinstance(given, ParamsDict) else given
    )
    findings = []
    for name, value in own.items():
        if name in pipeline.parameters:
            message = f"params has {name!r}, which is a parameter of the pipeline: give it a value with parameters="
            findings.append(Finding(message, pipeline.parameters[name].path, code="params-clash"))
        elif name in RESERVED:
            message = f"params has {name!r}, which says which steps a run is to run"
            findings.append(Finding(message, code="params-clash"))
        elif scheduled and isinstance(value, Param) and not value.has_value:
            message = (
                f"params: {name!r} has no value, so a scheduled run has none for it. Give it one, or set no schedule."
            )
            findings.append(Finding(message, code="no-value-for-schedule"))
    if findings:
        raise DefinitionError("params", findings)
    return {name: value if isinstance(value, Param) else Param(value) for name, value in own.items()}


def selection_params(steps: Iterable[str]) -> dict[str, Param]:
    """The two Params of selective execution; ``steps`` are the names that the form offers."""
    section = "Selective execution"
    return {
        SELECTED_STEPS: Param(
            None,
            description="The only steps to run. What they need of the others comes from an earlier run.",
            title="Steps to run alone",
            section=section,
            type=["null", "array"],
            items={"type": "string"},
            # For an array of texts with examples the form is a list to choose from.
            examples=[*steps],
        ),
        SOURCE_RUN: Param(
            None,
            description=(
                "The id of the run that the results of the other steps come from. By default it is the latest one that"
                " ended and in which every step that is needed succeeded."
            ),
            title="Run that the other results come from",
            section=section,
            type=["null", "string"],
        ),
    }


def _templated(parameter: Parameter, template: str, is_secret: IsSecret) -> Param:
    """The Param of a parameter that a template gives its value: empty, which means that of the template."""
    schema: dict[str, Any] = {"title": parameter.name, "type": ["null", SCHEMA_TYPES[parameter.type]]}
    if parameter.type in PATTERNS:
        schema |= {"minimum": MIN_NUMBER, "maximum": MAX_NUMBER}
    if parameter.enum_values:
        schema["enum"] = [None, *parameter.enum_values]
    shown = "" if is_secret(parameter.name) else f": {template}"
    message = f"Given by the Dag{shown}. Leave it empty for that."
    return Param(None, description=" ".join(filter(None, (parameter.description, message))), **schema)


def _param(parameter: Parameter, values: Mapping[str, Any], is_secret: IsSecret) -> Param:
    schema: dict[str, Any] = {"title": parameter.name, "type": SCHEMA_TYPES[parameter.type]}
    if parameter.type in PATTERNS:
        schema |= {"minimum": MIN_NUMBER, "maximum": MAX_NUMBER}
    if parameter.enum_values:
        schema["enum"] = list(parameter.enum_values)
    given = values.get(parameter.name, parameter.default)
    if not parameter.has_default and parameter.name not in values:
        return Param(description=parameter.description, **schema)
    default = coerce(parameter, given, is_secret)
    if default and is_secret_parameter(parameter, is_secret):
        schema["type"] = ["null", "string"]
        return Param(None, description=" ".join(filter(None, (parameter.description, HIDDEN_DEFAULT))), **schema)
    if isinstance(default, int | float) and not fits(default):
        # As a number it would not reach the task; the task reads the text as the number that it is.
        schema |= {"type": ["string", schema["type"]], "pattern": PATTERNS[parameter.type]}
        default = str(default)
    if default == "" and not parameter.enum_values:
        # The form demands a text of a plain string; an empty default must be able to stay empty.
        schema["type"] = ["string", "null"]
    return Param(default, description=parameter.description, **schema)
