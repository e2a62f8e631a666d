"""JSON from outside: read within limits, and shown in messages."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NoReturn

from airflow_sm_pipelines.local.limits import MAX_DEPTH

MAX_SHOWN = 80


class JsonTextError(ValueError):
    """Text that is not JSON, or is nested too deeply."""


def read_json(text: bytes | str) -> Any:
    """The JSON value of a text.

    Raises :class:`JsonTextError` for what is not JSON (``NaN`` and ``Infinity`` are not, nor is a number beyond
    the range of a double), for bytes that are not UTF-8, and for more than ``MAX_DEPTH`` levels.
    """
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise JsonTextError(f"more than {MAX_DEPTH} levels deep") from None
    except ValueError as error:  # also UnicodeDecodeError, and an integer of more than 4300 digits
        raise JsonTextError(f"not JSON: {error}") from None
    if is_deep(value):
        raise JsonTextError(f"more than {MAX_DEPTH} levels deep")
    return value


def is_deep(value: Any) -> bool:
    """Whether a value has more than ``MAX_DEPTH`` levels."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
    return any(isinstance(inner, Mapping | list | tuple) for inner in level)


def shown(value: Any) -> str:
    """A value for a message: short, whatever the value is."""
    if isinstance(value, str):
        return json.dumps(value[:MAX_SHOWN]) + ("..." if len(value) > MAX_SHOWN else "")
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > MAX_SHOWN:
        return f"a whole number of {value.bit_length()} bits"
    if _inside(value) and (len(value) > MAX_SHOWN or is_deep(value)):
        return f"an {'object' if isinstance(value, Mapping) else 'array'} of {len(value)}"
    text = json.dumps(value, default=str, skipkeys=True)
    return text[:MAX_SHOWN] + ("..." if len(text) > MAX_SHOWN else "")


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else []


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:20]} is too large a number")
    return number
