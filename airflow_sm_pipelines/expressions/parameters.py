"""The value of a pipeline parameter in its declared type (semantics 1.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.evaluation_errors import UnresolvedError
from airflow_sm_pipelines.definition.guessing import Guesser
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.parameters import RESERVED
from airflow_sm_pipelines.definition.parameters import coerce as coerce_text
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.definition.secrets import mask
from airflow_sm_pipelines.expressions.json_text import quoted
from airflow_sm_pipelines.expressions.stringify import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.model import Parameter
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.stringify import Json


def is_secret_parameter(parameter: Parameter, is_secret: IsSecret) -> bool:
    """Whether a parameter's value is a secret: by its name, unless it is one of EnumValues, which all can read."""
    return parameter.type is ParameterType.STRING and not parameter.enum_values and is_secret(parameter.name)


def coerce(parameter: Parameter, given: Json, is_secret: IsSecret = AIRFLOWS_NAMES) -> Json:
    """A run's value for a parameter as its declared type; text forms such as ``"5"`` and ``"True"`` are taken.

    :raises UnresolvedError: for a value that is not of the type
    """
    try:
        value = _coerced(parameter.type, given)
    except (ValueError, OverflowError):
        # A number of more digits than Python reads, or than a Float holds.
        value = None
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        raise UnresolvedError(
            f"Parameters.{parameter.name}",
            f"is of type {parameter.type.value}, which {quoted(shown_as(parameter.name, given, is_secret))} is not.",
        )
    return value


def shown_as(name: str, given: Json, is_secret: IsSecret) -> Json:
    """A value of a name as a message can show it."""
    shown: Json = mask({name: given}, is_secret)[name]
    return shown


def unknown_names(
    parameters: Mapping[str, Parameter],
    given: Mapping[str, Json],
    is_secret: IsSecret = AIRFLOWS_NAMES,
    own: frozenset[str] = frozenset(),
) -> str | None:
    """What is wrong with values that a run was given for parameters that the pipeline does not have, or None.

    ``own`` are the names of the Dag's own Params.
    """
    unknown = [name for name in given if name not in parameters and name not in RESERVED and name not in own]
    if not unknown:
        return None
    faults = []
    guesser = Guesser()
    for name in unknown:
        near = guesser.nearest(name, parameters)
        hint = f" Did you mean {near!r}, of type {parameters[near].type.value}?" if near is not None else ""
        value = quoted(shown_as(name if near is None or is_secret(name) else near, given[name], is_secret))
        faults.append(f"{name!r} (given {value}, {_kind(given[name])}) is no parameter of the pipeline.{hint}")
    names = ", ".join(sorted(parameters)) or "none"
    beside = f" The Dag's own are: {', '.join(sorted(own))}." if own else ""
    return f"{' '.join(faults)} The pipeline's parameters are: {names}.{beside}"


def ignored_values(
    parameters: Mapping[str, Parameter], given: Mapping[str, Json], in_force: Mapping[str, Json]
) -> str | None:
    """What is wrong with values of a run that Airflow did not take, or None."""
    names = [name for name in given if name in parameters or name in RESERVED]
    ignored = [name for name in names if given[name] != in_force.get(name)]
    if not ignored:
        return None
    return (
        f"It is given values ({', '.join(ignored)}), and Airflow lets none in: [core] dag_run_conf_overrides_params is"
        " off. Turn it on, or start the run without them."
    )


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "a Boolean"
    if isinstance(value, str):
        return "a String"
    if isinstance(value, int | float):
        return "an Integer" if isinstance(value, int) else "a Float"
    return "no value of a parameter"


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
    if declared is not ParameterType.INTEGER:
        return None
    return given if isinstance(given, int) else int(given) if given.is_integer() else None
