"""The values of parameters that other tasks of a Dag give a pipeline, which stands in a task group of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.given_values import NotTakenError, taken_by
from airflow_sm_pipelines.expressions.long_texts import CUT, has_cut
from airflow_sm_pipelines.operators.masking import shown_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context
    from airflow.sdk.definitions._internal.mixins import ResolveMixin

    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.operators.masking import Masking


def written(value: ResolveMixin) -> str:
    """A value of a run as the Dag's author wrote it, the same at each parse."""
    references = sorted(f"{operator.task_id}: {key}" for operator, key in value.iter_references())
    name = getattr(value, "_name", None)
    return f"{type(value).__name__}({', '.join([*references, *([name] if isinstance(name, str) else [])])})"


def take(
    given: Mapping[str, ResolveMixin], parameters: Mapping[str, Parameter], context: Context, masking: Masking
) -> tuple[dict[str, Json], list[str]]:
    """The values, and why there is none for a parameter."""
    values: dict[str, Json] = {}
    faults = []
    for name, value in given.items():
        try:
            values[name] = _value(parameters[name], value, context, masking)
        except StepFailure as failure:
            faults.append(str(failure))
    return values, faults


def _value(parameter: Parameter, given: ResolveMixin, context: Context, masking: Masking) -> Json:
    """:raises StepFailure: where there is none, or one that the parameter does not take"""
    try:
        value: Any = given.resolve(context)
    except Exception as error:
        raise _no_value(parameter, f"{type(error).__name__}: {error}") from error
    if value is None:
        raise _no_value(parameter, f"{written(given)} has given none (None)")
    if not isinstance(value, str | int | float | bool):
        message = f"{written(given)} gave a {type(value).__name__}, and a parameter is a text, a number or a Boolean"
        raise _no_value(parameter, message)
    if has_cut(value):
        raise _no_value(parameter, f"{written(given)}: {CUT}")
    masking.learn(value, parameter.name)
    try:
        return taken_by(parameter, value, masking.is_secret)
    except NotTakenError as fault:
        raise _no_value(parameter, f"{written(given)} was taken, and {fault}") from None


def _no_value(parameter: Parameter, why: str) -> StepFailure:
    return StepFailure(shown_text(f"the parameter {parameter.name!r} has no value: {why.rstrip('.')}."))
