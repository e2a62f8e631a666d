"""Typed OutputParameters of Lambda and Callback steps (semantics 2.10, 2.11)."""

from __future__ import annotations

import math
import re
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.definition.secrets import MASKED
from airflow_sm_pipelines.definition.text import unstorable
from airflow_sm_pipelines.expressions.json_text import MAX_FLOAT, SAFE_INTEGERS, number_in, shown
from airflow_sm_pipelines.expressions.stringify import to_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.expressions.stringify import Json

WHOLE_NUMBER = re.compile(r"-?[0-9]+")
MAX_NAMED = 20
MAX_LIST_LENGTH = 500


class OutputError(Exception):
    """A declared output that is missing, or whose value is not of its OutputType; the message says which."""


def typed_outputs(
    declared: Mapping[str, ParameterType],
    given: Mapping[str, Json],
    source: str,
    is_secret: IsSecret = AIRFLOWS_NAMES,
) -> dict[str, Json]:
    """The declared outputs of what a function or a worker answered; what is not declared is left out.

    ``source`` is who answered, for the message, which does not show the value of a secret.

    :raises OutputError: for a missing output, and for a value that is not of its type
    """
    missing = [name for name in declared if name not in given]
    if missing:
        listed = ", ".join(sorted(given)[:MAX_NAMED]) or "nothing"
        listed = (
            f"{listed[:MAX_LIST_LENGTH]}, ..." if len(given) > MAX_NAMED or len(listed) > MAX_LIST_LENGTH else listed
        )
        raise OutputError(f"{source} did not give the declared output {', '.join(missing)}; it gave {listed}.")
    return {name: _typed(name, kind, given[name], source, is_secret) for name, kind in declared.items()}


def _typed(name: str, kind: ParameterType, value: Json, source: str, is_secret: IsSecret) -> Json:
    """A text as the number or boolean that it writes; anything but null as the text of a String.

    A nested value is a String as its JSON text, as the service gives it.
    """
    match kind, value:
        case ParameterType.STRING, str() | bool() | int() | float() | list() | dict():
            return _storable_text(name, value, source)
        case ParameterType.BOOLEAN, bool():
            return value
        case ParameterType.BOOLEAN, str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
        case ParameterType.FLOAT, int() | float() | str():
            number = _number(value)
            if number is not None and abs(number) <= sys.float_info.max:
                if abs(number) >= MAX_FLOAT:
                    reason = f"which is too large: Airflow stores a Float of less than {MAX_FLOAT:g}"
                    raise OutputError(f"{source} gave the output {name} = {shown(value)}, {reason}.")
                return float(number)
        case ParameterType.INTEGER, int() | float() | str():
            number = _number(value)
            if number is not None and number == int(number):
                if int(number) not in SAFE_INTEGERS:
                    reason = "which is too large for an Integer (64 bits)"
                    raise OutputError(f"{source} gave the output {name} = {shown(value)}, {reason}.")
                return int(number)
    # What is nested has no place in a message where the name is that of a secret, and is never a number or boolean.
    masked = MASKED if is_secret(name) and not isinstance(value, int | float) else shown(value)
    raise OutputError(f"{source} gave the output {name} = {masked}, which is no {kind.value}.")


def _storable_text(name: str, value: Json, source: str) -> str:
    try:
        text = to_text(value)
    except (RecursionError, ValueError):
        raise OutputError(f"{source} gave an output {name} that has no text: it is nested too deeply.") from None
    if (character := unstorable(text)) is not None:
        raise OutputError(f"{source} gave an output {name} with {character}, which cannot be stored.")
    return text


def _number(value: str | float) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        text = value.strip()
        try:
            number = number_in(text) if WHOLE_NUMBER.fullmatch(text) else float(text)
        except ValueError:
            return None
        if number is None:
            return None
        value = number
    # JSON has no infinity and no NaN, and neither has XCom; but Python reads and writes both.
    return value if isinstance(value, int) or math.isfinite(value) else None
