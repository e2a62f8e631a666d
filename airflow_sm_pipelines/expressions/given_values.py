"""What is wrong with the values that a Dag gives its pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.text import unstorable_in
from airflow_sm_pipelines.expressions.json_text import quoted
from airflow_sm_pipelines.expressions.parameters import coerce
from airflow_sm_pipelines.expressions.templates import faults_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.stringify import Json

GIVEN = "parameters"


def wrong_templates(
    parameters: Mapping[str, Parameter],
    templates: Mapping[str, str],
    *,
    macros: Mapping[str, Any] = FrozenDict(),
    filters: Collection[str] = (),
    in_group: bool = False,
) -> Iterator[Finding]:
    """A finding for each template that is of no parameter, and for all that is wrong with them.

    :param macros: what the Dag adds to what templates know
    :param filters: the names of its filters
    :param in_group: whether the pipeline is a task group
    """
    for name in templates:
        if name not in parameters:
            yield unknown_parameter(name, parameters, "a template")
    for name, fault in faults_of(templates, macros=macros, filters=filters, in_group=in_group):
        yield Finding(
            f"parameters: the template of {name!r} {fault.reason}",
            "$.Parameters",
            suggestion=fault.hint,
            code="parameter-template",
            given=(GIVEN, name),
        )


class NotTakenError(ValueError):
    """A parameter does not take a value of a run; the message says why."""


def taken_by(parameter: Parameter, value: str | float | bool, is_secret: IsSecret) -> Json:
    """A value of a run in the type of a parameter.

    :raises NotTakenError: where the parameter does not take it
    """
    if (found := unstorable_in(value)) is not None:
        raise NotTakenError(f"it gives a text with {found}, which Airflow cannot store")
    try:
        coerced = coerce(parameter, value, is_secret)
    except UnresolvedError as error:
        raise NotTakenError(str(error).rstrip(".")) from None
    if parameter.enum_values and coerced not in parameter.enum_values:
        near = nearest(str(value), parameter.enum_values)
        hint = f". Did you mean {near!r}?" if near else ""
        raise NotTakenError(f"{quoted(value)} is none of its values: {', '.join(parameter.enum_values)}{hint}")
    return coerced


def missing_values(parameters: Mapping[str, Parameter], values: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding for each parameter that has no value in a scheduled run."""
    for parameter in parameters.values():
        if not parameter.has_default and parameter.name not in values:
            yield Finding(
                f"The parameter {parameter.name!r} has no default, so a scheduled run has no value for it."
                " Give it one with parameters=, or set no schedule.",
                parameter.path,
                code="no-value-for-schedule",
            )


def unknown_parameter(name: str, parameters: Mapping[str, Parameter], what: str = "a value") -> Finding:
    """The finding for a value, or whatever else is given, of no parameter."""
    return Finding(
        f"parameters gives {what} for {name!r}, which is no parameter of the definition.",
        "$.Parameters",
        suggestion=nearest(name, parameters),
        code="unknown-parameter",
        given=(GIVEN, name),
    )


def wrong_values(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], is_secret: IsSecret
) -> Iterator[Finding]:
    """A finding for each value that is of no parameter, or that the parameter does not take."""
    for name, value in values.items():
        parameter = parameters.get(name)
        if parameter is None:
            yield unknown_parameter(name, parameters)
            continue
        if (found := unstorable_in(value)) is not None:
            yield Finding(
                f"parameters: the value of {name!r} has {found}, which Airflow cannot store.",
                parameter.path,
                code="unstorable-text",
                given=(GIVEN, name),
            )
            continue
        try:
            coerced = coerce(parameter, value, is_secret)
        except UnresolvedError as error:
            yield Finding(f"parameters: {error}", parameter.path, code="parameter-value", given=(GIVEN, name))
            continue
        if parameter.enum_values and coerced not in parameter.enum_values:
            yield Finding(
                f"parameters: {value!r} is none of the values of {name!r}: {', '.join(parameter.enum_values)}.",
                parameter.path,
                suggestion=nearest(str(coerced), parameter.enum_values),
                code="parameter-value",
                given=(GIVEN, name),
            )
