"""JSON that others wrote: files in S3, answers of functions, texts with JSON in them.

It is read as Python reads JSON, so with NaN and Infinity: reports of models often hold one, and what a step needs may
stand beside it. Whether a value of it can be used is asked when it is used.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.text import storable, unstorable

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

MAX_DIGITS = 4300
"""How many digits of a whole number are read: Python itself writes and reads no more (sys.int_info)."""

SAFE_INTEGERS = range(-(2**63), 2**63)
"""The whole numbers that AWS and Airflow hold as such: a Long."""

MAX_FLOAT = float(2**63)
"""A float of this size and more comes back from PostgreSQL's JSON as a whole number, which has too many bits."""

MAX_SHOWN_LENGTH = 100


class JsonTextError(ValueError):
    """A text that is no JSON, or none that can be read; the message says why."""


class JsonLimitError(JsonTextError):
    """A JSON text that has more than can be read: too deep a nesting, or too long a number."""


def read_json(text: str | bytes) -> Json:
    """The value that a JSON text writes; whole numbers are exact.

    :raises JsonTextError: for a text that is no JSON (of UTF-8, -16 or -32)
    :raises JsonLimitError: for one that is nested too deeply, or writes a whole number of more than 4,300 digits
    """
    try:
        value: Json = json.loads(text, parse_int=_whole_number)
    except RecursionError:
        raise JsonLimitError("it is nested too deeply") from None
    except JsonTextError:
        raise
    except ValueError as error:
        raise JsonTextError(str(error)) from None
    return value


def _whole_number(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise JsonLimitError(f"it has a number of {len(digits)} digits, and at most {MAX_DIGITS} can be read")
    return int(digits)


def number_in(text: str) -> int | float | None:
    """The number that a text of digits writes, exactly if it is a whole one; None where it has too many digits."""
    if not text.lstrip("-").isdigit():
        return float(text)
    return int(text) if len(text) <= MAX_DIGITS else None


def unusable(value: object) -> str | None:
    """Why a value cannot be sent to AWS or stored by Airflow, or None where it can: ``has U+0000 at character 3``."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            if (character := unstorable(each)) is not None:
                return f"has {character} of a text, which cannot be stored"
        elif isinstance(each, float):
            if not math.isfinite(each):
                return f"is {each}, which is no number that JSON can write"
        elif isinstance(each, dict):
            left.extend(each.keys())
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return None


def number_too_large(value: object) -> float | None:
    """A number in a value that has more than 64 bits where Airflow stores it, or None where there is none."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, int) and each not in SAFE_INTEGERS:
            return each
        if isinstance(each, float) and abs(each) >= MAX_FLOAT:
            return each
        if isinstance(each, dict):
            left.extend(each.values())
        elif isinstance(each, list):
            left.extend(each)
    return None


def shown(value: object) -> str:
    """A value in a message: the first hundred characters of its JSON text."""
    try:
        text = storable(json.dumps(value, ensure_ascii=False))
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return _shortened(text)


def quoted(value: object) -> str:
    """The same as Python writes it, in ASCII where a character cannot be stored."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__}"
    return _shortened(text)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}… ({len(text)} characters)"
