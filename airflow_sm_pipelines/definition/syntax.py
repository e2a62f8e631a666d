"""JSON text to plain values, strictly: where Python's parser is lenient or its messages are bare, this is not."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.paths import JsonPath

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

_STRING_OR_CONSTANT = re.compile(r'"(?:[^"\\]|\\.)*"|(-?Infinity|NaN)', re.DOTALL)
_STRING_OR_LONG_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(-?[0-9]{1000,})', re.DOTALL)
_TRAILING_COMMA = "a comma before a closing bracket is not allowed in JSON"
_HINTS = (
    (re.compile(r"'"), "JSON strings and keys stand in double quotes"),
    (re.compile(r"None\b"), "JSON writes null, not None"),
    (re.compile(r"True\b"), "JSON writes true, not True"),
    (re.compile(r"False\b"), "JSON writes false, not False"),
    (re.compile(r"//|/\*|#"), "JSON has no comments"),
    (re.compile(r"\{\{|\{%"), "a definition is not a template; nothing in it is rendered"),
)


class JsonSyntaxError(ValueError):
    """A text that is not JSON; line and column count from 1, the position from 0."""

    def __init__(self, message: str, text: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.line = text.count("\n", 0, position) + 1
        self.column = position - text.rfind("\n", 0, position)


class _ConstantError(ValueError):
    """NaN or Infinity, which Python's parser would take."""


class Parsed(Struct, frozen=True):
    """A JSON value, and the places of keys that stand twice in their object (of which the last one won)."""

    value: Json
    duplicates: tuple[JsonPath, ...] = ()


def parse_json(text: str) -> Parsed:
    """Parse one JSON value.

    :raises JsonSyntaxError: for anything that is not exactly one JSON value.
    """
    text = text.removeprefix("\ufeff")
    if not text.strip():
        raise JsonSyntaxError("it is empty", text, 0)
    repeated: list[tuple[dict[str, Json], str]] = []

    def build(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        built = dict(pairs)
        if len(built) != len(pairs):
            counts = Counter(key for key, _ in pairs)
            repeated.extend((built, key) for key, count in counts.items() if count > 1)
        return built

    try:
        value: Json = json.loads(text, object_pairs_hook=build, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        message, position = _explain(error)
        raise JsonSyntaxError(message, text, position) from None
    except _ConstantError as error:
        raise JsonSyntaxError(f"{error} is no JSON number", text, _locate(_STRING_OR_CONSTANT, text)) from None
    except RecursionError:
        raise JsonSyntaxError("it is nested too deeply", text, 0) from None
    except ValueError:
        # Python's limit on the digits of an integer.
        raise JsonSyntaxError("a number has too many digits", text, _locate(_STRING_OR_LONG_NUMBER, text)) from None
    return Parsed(value, tuple(_find(value, repeated)) if repeated else ())


def walk_json(value: Json, path: JsonPath = None) -> Iterator[tuple[JsonPath, Json]]:
    """Every node of a value with its place, in document order, without recursion."""
    stack: list[tuple[JsonPath, Json]] = [(path, value)]
    while stack:
        path, node = stack.pop()
        yield path, node
        if isinstance(node, dict):
            stack.extend(((path, key), member) for key, member in reversed(node.items()))
        elif isinstance(node, list):
            stack.extend(((path, index), node[index]) for index in range(len(node) - 1, -1, -1))


def _refuse_constant(name: str) -> NoReturn:
    raise _ConstantError(name)


def _locate(pattern: re.Pattern[str], text: str) -> int:
    return next((found.start(1) for found in pattern.finditer(text) if found.group(1)), 0)


def _explain(error: json.JSONDecodeError) -> tuple[str, int]:
    before, rest = error.doc[: error.pos].rstrip(), error.doc[error.pos :]
    # Python 3.13 points to a comma that is too much, older ones to the bracket after it.
    if before.endswith(",") and rest[:1] in ("}", "]"):
        return _TRAILING_COMMA, len(before) - 1
    if error.msg.startswith("Illegal trailing comma"):
        return _TRAILING_COMMA, error.pos
    message = f"{error.msg[:1].lower()}{error.msg[1:]}"
    if not rest:
        return f"{message}; the text ends too early", error.pos
    hint = next((hint for pattern, hint in _HINTS if pattern.match(rest)), None)
    return f"{message}; {hint}" if hint else message, error.pos


def _find(value: Json, repeated: list[tuple[dict[str, Json], str]]) -> Iterator[JsonPath]:
    keys: dict[int, list[str]] = {}
    for built, key in repeated:
        keys.setdefault(id(built), []).append(key)
    for path, node in walk_json(value):
        for key in dict.fromkeys(keys.get(id(node), ())):
            yield path, key
