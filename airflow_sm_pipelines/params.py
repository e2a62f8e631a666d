"""Pipeline parameters as Airflow's typed Params: the trigger form, and what it refuses (semantics 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from msgspec.structs import replace

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.numbers import LEAST, MOST, fits
from airflow_sm_pipelines.definition.parameters import MOST_DIGITS, SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.definition.text import unstorable_in
from airflow_sm_pipelines.expressions.parameters import coerce, is_secret_parameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Parameter, Pipeline
    from airflow_sm_pipelines.definition.secret_names import IsSecret

SCHEMA_TYPES = {
    ParameterType.STRING: "string",
    ParameterType.INTEGER: "integer",
    ParameterType.FLOAT: "number",
    ParameterType.BOOLEAN: "boolean",
}

HIDDEN_DEFAULT = "Leave it empty for the default, which is not shown: by its name it is a secret."

PATTERNS = {
    ParameterType.INTEGER: f"^[+-]?[0-9]{{1,{MOST_DIGITS}}}$",
    ParameterType.FLOAT: r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$",
}
"""The texts that are numbers of a type."""


def params_of(
    pipeline: Pipeline, values: Mapping[str, Any], is_secret: IsSecret, *, scheduled: bool
) -> dict[str, Param]:
    """The Params of a pipeline's parameters; ``values`` take the place of their defaults.

    A Param shows its default to whoever may see the Dag. So that of a secret has none: left empty, the parameter has
    the value of :func:`with_values`.

    :raises DefinitionError: for a value of no parameter or of another type, and for a parameter without a value in
        a pipeline that is scheduled
    """
    findings = [*_wrong_values(pipeline.parameters, values, is_secret)]
    if scheduled:
        findings += [
            Finding(
                f"The parameter {parameter.name!r} has no default, so a scheduled run has no value for it."
                " Give it one with parameters=, or set no schedule.",
                parameter.path,
                code="no-value-for-schedule",
            )
            for parameter in pipeline.parameters.values()
            if not parameter.has_default and parameter.name not in values
        ]
    if findings:
        raise DefinitionError("parameters", findings)
    return {parameter.name: _param(parameter, values, is_secret) for parameter in pipeline.parameters.values()}


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


def selection_params(steps: Iterable[str]) -> dict[str, Param]:
    """The two Params of selective execution; ``steps`` are the names that the form offers."""
    section = "Selective execution"
    return {
        SELECTED_STEPS: Param(
            None,
            description="The only steps to run. What they need of the others comes from an earlier run.",
            title=SELECTED_STEPS,
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
            title=SOURCE_RUN,
            section=section,
            type=["null", "string"],
        ),
    }


def _wrong_values(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], is_secret: IsSecret
) -> Iterator[Finding]:
    for name, value in values.items():
        parameter = parameters.get(name)
        if parameter is None:
            yield Finding(
                f"parameters gives a value for {name!r}, which is no parameter of the definition.",
                "$.Parameters",
                suggestion=nearest(name, parameters),
                code="unknown-parameter",
            )
            continue
        if (found := unstorable_in(value)) is not None:
            yield Finding(
                f"parameters: the value of {name!r} has {found}, which Airflow cannot store.",
                parameter.path,
                code="unstorable-text",
            )
            continue
        try:
            coerced = coerce(parameter, value, is_secret)
        except UnresolvedError as error:
            yield Finding(f"parameters: {error}", parameter.path, code="parameter-value")
            continue
        if parameter.enum_values and coerced not in parameter.enum_values:
            yield Finding(
                f"parameters: {value!r} is none of the values of {name!r}: {', '.join(parameter.enum_values)}.",
                parameter.path,
                suggestion=nearest(str(coerced), parameter.enum_values),
                code="parameter-value",
            )


def _param(parameter: Parameter, values: Mapping[str, Any], is_secret: IsSecret) -> Param:
    schema: dict[str, Any] = {"title": parameter.name, "type": SCHEMA_TYPES[parameter.type]}
    if parameter.type in PATTERNS:
        schema |= {"minimum": LEAST, "maximum": MOST}
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
