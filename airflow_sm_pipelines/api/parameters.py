"""Parameters as the API has them, which is texts, and as a Dag's conf has them, which is by their types."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_sm_pipelines.definition.model import Parameter
from airflow_sm_pipelines.definition.secret_names import IsSecret
from airflow_sm_pipelines.expressions.given_values import NotTakenError, taken_by
from airflow_sm_pipelines.expressions.parameters import is_secret_parameter
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.wire.errors import ApiError

HIDDEN = "*****"
MAX_VALUE_LENGTH = 1024


def typed_parameters(
    parameters: Mapping[str, Parameter], given: Iterable[Mapping[str, str]], is_secret: IsSecret
) -> dict[str, Any]:
    """The values of a call, each in its parameter's type.

    :raises ApiError: ValidationException with all that is wrong with them
    """
    values: dict[str, Any] = {}
    faults = []
    for each in given:
        name, text = each["Name"], each["Value"]
        parameter = parameters.get(name)
        if parameter is None:
            near = difflib.get_close_matches(name, parameters, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            faults.append(f"{name!r} is no parameter of the pipeline.{hint}")
        elif name in values:
            faults.append(f"{name!r} is given twice.")
        else:
            try:
                values[name] = taken_by(parameter, text, is_secret)
            except NotTakenError as error:
                faults.append(f"{name!r}: {error}.")
    missing = [name for name, each in parameters.items() if not each.has_default and name not in values]
    faults += [f"{name!r} has no default, and no value is given." for name in missing if not _is_named(name, faults)]
    if faults:
        raise ApiError("ValidationException", f"PipelineParameters: {' '.join(faults)}")
    return values


def shown_parameters(
    parameters: Mapping[str, Parameter], conf: Mapping[str, Any], is_secret: IsSecret
) -> dict[str, str]:
    """The values of a run as texts, in the order of the definition, and secrets hidden.

    A parameter that the conf does not give has its default, and one without either is left out.
    """
    shown = {}
    for name, parameter in parameters.items():
        value = conf.get(name, parameter.default)
        if value is None:
            continue
        text = value if isinstance(value, str) else to_text(value)
        shown[name] = HIDDEN if is_secret_parameter(parameter, is_secret) else text[:MAX_VALUE_LENGTH]
    return shown


def _is_named(name: str, faults: Iterable[str]) -> bool:
    return any(fault.startswith(f"{name!r}:") for fault in faults)
