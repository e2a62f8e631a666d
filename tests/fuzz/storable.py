"""What Airflow can carry and keep: the msgpack between its processes, JSON, and PostgreSQL's JSONB."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec

NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def check_told(error: Exception) -> None:
    """Raise for an error whose text says nothing, or cannot be written to a log, which is a file of UTF-8."""
    if not str(error).encode():
        raise ValueError(f"{type(error).__name__} says nothing")


def check_storable(value: Any) -> None:
    """Raise for a value that would not come through XCom, a store or an event, there or back."""
    msgspec.msgpack.encode(value)
    msgspec.msgpack.encode(check_json(value))


def check_json(value: Any) -> Any:
    """The value as JSONB gives it back; raises for one that it does not take."""
    text = json.dumps(value, allow_nan=False)
    if NUL.search(text):
        raise ValueError(f"U+0000 cannot be stored: {text[:200]}")
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return json.loads(text, parse_float=_as_jsonb_writes_it)


def _as_jsonb_writes_it(number: str) -> float | int:
    """JSONB keeps a number's digits and not its exponent: 1e22 comes back as an integer."""
    plain = format(Decimal(number), "f")
    return float(plain) if "." in plain else int(plain)
