"""The value of a pipeline parameter in its declared type (semantics 1.2)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.runtime.errors import UnresolvedError
from airflow_sm_pipelines.runtime.text import to_text

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.runtime.text import Json

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
DECIMAL_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
TRUTHS = {"true": True, "True": True, "false": False, "False": False}


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
    if given is None or isinstance(given, list | dict):
        # The trigger form sends null for a text field that is left empty.
        return "" if given is None and declared is ParameterType.STRING else None
    match declared:
        case ParameterType.STRING:
            return to_text(given)
        case ParameterType.BOOLEAN:
            return given if isinstance(given, bool) else TRUTHS.get(str(given))
        case ParameterType.INTEGER:
            return _integer(given)
        case ParameterType.FLOAT:
            return _float(given)


def _integer(given: str | bool | int | float) -> int | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, float):
        return int(given) if given.is_integer() else None
    if isinstance(given, str) and not WHOLE_NUMBER.fullmatch(given):
        return None
    return int(given)


def _float(given: str | bool | int | float) -> float | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, str) and not DECIMAL_NUMBER.fullmatch(given):
        return None
    return float(given)
