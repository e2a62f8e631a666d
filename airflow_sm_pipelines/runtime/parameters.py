"""The value of a pipeline parameter in its declared type (semantics 1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.parameters import coerce as coerce_text
from airflow_sm_pipelines.runtime.errors import UnresolvedError
from airflow_sm_pipelines.runtime.text import to_text

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.runtime.text import Json


def coerce(parameter: Parameter, given: Json) -> Json:
    """A run's value for a parameter as its declared type; text forms such as ``"5"`` and ``"True"`` are taken.

    :raises UnresolvedError: for a value that is not of the type
    """
    value = _coerced(parameter.type, given)
    if value is None:
        raise UnresolvedError(
            f"Parameters.{parameter.name}", f"is of type {parameter.type.value}, which {given!r} is not."
        )
    return value


def _coerced(declared: ParameterType, given: Json) -> Json:
    if isinstance(given, str):
        return coerce_text(given, declared)
    if given is None:
        # The trigger form sends null for a text field that is left empty.
        return "" if declared is ParameterType.STRING else None
    if isinstance(given, list | dict):
        return None
    if declared is ParameterType.STRING:
        return to_text(given)
    if isinstance(given, bool):
        return given if declared is ParameterType.BOOLEAN else None
    if declared is ParameterType.FLOAT:
        return float(given)
    return int(given) if declared is ParameterType.INTEGER and float(given).is_integer() else None
