"""How a value of a definition is written as text, as ``Std:Join`` prints it (semantics 3.4)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TypeAlias

from airflow_sm_pipelines.definition import syntax

Json: TypeAlias = syntax.Json

PLAIN_FLOATS_FROM = 1e-7
PLAIN_FLOATS_BELOW = 1e21


def to_text(value: Json) -> str:
    """``true``/``false``, integers plainly, floats in their shortest form, strings verbatim, the rest as JSON text.

    The service's text of a float is not documented: the shortest decimal that reads back as the same number is
    used, without an exponent from 1e-7 up to 1e21.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value == 0 or PLAIN_FLOATS_FROM <= abs(value) < PLAIN_FLOATS_BELOW:
            plain = format(Decimal(repr(value)), "f")
            return plain if "." in plain else f"{plain}.0"
        return repr(value)
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
