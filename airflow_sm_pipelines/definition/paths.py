"""JSON paths while reading, and how a found value is called in a message."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import islice
from typing import TypeAlias

JsonPath: TypeAlias = "tuple[JsonPath, str | int] | None"
"""A place in a document as a chain of keys, innermost first; None is the document itself.

A chain costs one small tuple per node and is written out only where something is to be said of the place.
"""

MAX_SHOWN = 60
"""Characters of a text that a message quotes."""
_MAX_KEY_LENGTH = 200
_MAX_PATH_LENGTH = 2000
_MAX_LISTED = 20


def render_path(path: JsonPath) -> str:
    """The JSON path as text: ``$.Steps[3].Arguments['Std:Join'].Values[0]``.

    A key of more than 200 characters is cut, and of a path of more than 2,000 the middle is left out.
    """
    parts: list[str] = []
    while path is not None:
        path, key = path
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif len(key) <= _MAX_KEY_LENGTH and key.isascii() and key.isidentifier():
            parts.append(f".{key}")
        else:
            key = key if len(key) <= _MAX_KEY_LENGTH else f"{key[:_MAX_KEY_LENGTH]}…"
            escaped = key.replace("\\", "\\\\").replace("'", "\\'")
            parts.append(f"['{escaped}']")
    text = "$" + "".join(reversed(parts))
    half = _MAX_PATH_LENGTH // 2
    return text if len(text) <= _MAX_PATH_LENGTH else f"{text[:half]}…{text[-half:]}"


def describe(value: object) -> str:
    """What a JSON value is, in words: ``the number 3``, ``an object``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        # Python refuses to print an integer of thousands of digits.
        return f"the number {value}" if abs(value) < 10**MAX_SHOWN else "a very large number"
    if isinstance(value, float):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {shorten(value)!r}"
    if isinstance(value, Mapping):
        return describe_object(value)
    return "an array" if isinstance(value, list | tuple) else f"a Python {type(value).__name__}"


def describe_object(value: Mapping[object, object]) -> str:
    """``an object``, or which expression it is."""
    if len(value) == 1:
        key, inner = next(iter(value.items()))
        if key == "Get" and isinstance(inner, str):
            return f"the expression Get {shorten(inner)!r}"
        if key in ("Std:Join", "Std:JsonGet"):
            return f"the expression {key}"
    return "an object"


def shorten(text: str, longest: int = MAX_SHOWN) -> str:
    """The beginning of a text that is too long for a message."""
    return text if len(text) <= longest else f"{text[:longest]}…"


def listed(names: Collection[str]) -> str:
    """Names in one line, the first of them where they are many."""
    shown = ", ".join(shorten(name) for name in islice(names, _MAX_LISTED))
    return shown if len(names) <= _MAX_LISTED else f"{shown} and {len(names) - _MAX_LISTED} more"
