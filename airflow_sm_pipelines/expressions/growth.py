"""Refuses a step of a template that would make something large at once, before it is made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.expressions.plain_values import MAX_BITS, MAX_WORK, TooMuchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_WIDTH = 1_000
"""The most characters to which a text is filled up, and the most digits of a number that is rounded."""
_LARGE_FIELD = {
    "%": re.compile(r"%(?:\([^()]*\))?[-#0 +]*(?:\d*\.)?(?:\d{4,}|\*)|%\([^()]*\("),
    "{": re.compile(r"\{[^{}]*(?:\d{4,}|\{)"),
}
_FILLED = frozenset({"center", "ljust", "rjust", "zfill"})
_SIZED = {"round": 1, "truncate": 2, "tojson": 2}
_OWN_LANGUAGE = "locale"


def check_operation(operator: str, left: Any, right: Any) -> None:
    """:raises TooMuchError: for an operation whose outcome is too large"""
    if operator == "*":
        for many, times in ((left, right), (right, left)):
            if isinstance(many, str | list | tuple) and isinstance(times, int):
                _check(len(many) * max(times, 0))
    if operator in ("*", "**") and isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
        if bits > MAX_BITS:
            raise TooMuchError("it makes a number of too many digits")
    if operator == "%" and isinstance(left, str):
        _check_format(left, "%", right if isinstance(right, tuple) else (right,))


def check_call(obj: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """:raises TooMuchError: for a call of a method whose outcome is too large"""
    given = (*args, *kwargs.values())
    if _OWN_LANGUAGE in kwargs:
        raise TooMuchError("dates are written in English alone")
    if not isinstance(obj, str):
        if name == "format" and len(args) > 1:
            raise TooMuchError("dates are written in English alone")
        return
    if name in _FILLED:
        _check_widths(given)
    elif name == "format":
        _check_format(obj, "{", given)
    elif name == "join":
        _check(sum(len(obj) + len(each) for values in given for each in values if isinstance(each, str)))
    elif name == "replace":
        _check_replaced(obj, given)


def check_filter(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
    """:raises TooMuchError: for a filter whose outcome is too large"""
    given = (*args, *kwargs.values())
    if name in _SIZED:
        # Those that Jinja hands the environment have it first.
        _check_widths(given[_SIZED[name] :])
    elif name == "format":
        texts = [each for each in given if isinstance(each, str)]
        if texts:
            _check_format(texts[0], "%", given)
    elif name == "replace":
        texts = [each for each in given if isinstance(each, str)]
        if texts:
            _check_replaced(texts[0], texts[1:])
    elif name == "join":
        texts = [each for each in given if isinstance(each, str)]
        longest = max(map(len, texts), default=0)
        _check(longest * sum(len(each) for each in given if isinstance(each, list | tuple | dict | range)))


def _check_replaced(text: str, given: Sequence[Any]) -> None:
    if len(given) > 1 and isinstance(given[0], str) and isinstance(given[1], str):
        _check(len(text) + (text.count(given[0]) if given[0] else len(text) + 1) * len(given[1]))


def _check_format(text: str, mark: str, given: Sequence[Any]) -> None:
    if _LARGE_FIELD[mark].search(text):
        raise TooMuchError(f"it has a field that is filled up to more than {MAX_WIDTH:,} characters, or to any number")
    longest = max((_length(each) for each in given), default=0)
    _check(text.count(mark) * longest)


def _length(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_length(key) + _length(member) + 4 for key, member in value.items())
    if isinstance(value, list | tuple):
        return sum(_length(member) + 4 for member in value)
    return len(value) if isinstance(value, str) else MAX_BITS // 3 if isinstance(value, int) and value > 1 << 64 else 64


def _check_widths(given: Sequence[Any]) -> None:
    if any(isinstance(each, int) and abs(each) > MAX_WIDTH for each in given):
        raise TooMuchError(f"it fills something up to more than {MAX_WIDTH:,} characters")


def _check(size: int) -> None:
    if size > MAX_WORK:
        raise TooMuchError(f"it makes more than {MAX_WORK:,} characters and members at once")
