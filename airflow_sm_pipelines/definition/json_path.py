"""The paths of ``Std:JsonGet`` (semantics 3.5), token by token.

The SDK writes ``a.b[0]['k']`` without a leading ``$.``; both forms are taken. A negative index counts from the end of
its list. A path leads to one value: wildcards,
slices, filters and recursion are refused.
"""

from __future__ import annotations

import re

MAX_DIGITS = 9
"""Digits of an index, as in a reference to a property."""

CLOSING_BRACKET = re.compile(r"\s*\]")


class JsonPathError(ValueError):
    """The path is not one, leads nowhere, or does not lead to a single scalar value."""


def parse_json_path(path: str) -> list[str | int]:
    """The members and indexes of a path; quotes allow any character in a key.

    :raises JsonPathError: for a path that cannot be read, with the column, or that could match several values
    """
    text = path.strip()
    position = 1 if text.startswith("$") else 0
    tokens: list[str | int] = []
    if position == len(text):
        raise JsonPathError(f"the path {_quoted(path)} names nothing.")
    while position < len(text):
        if text[position] == "[":
            token, position = _bracket(text, position, path)
        else:
            token, position = _member(text, position, path, first=not tokens)
        tokens.append(token)
    return tokens


def _member(text: str, position: int, path: str, *, first: bool) -> tuple[str, int]:
    if text[position] == ".":
        position += 1
    elif not (first and not text.startswith("$")):
        raise JsonPathError(f"the path {_quoted(path)} cannot be read at column {position + 1}.")
    end = position
    while end < len(text) and text[end] not in ".[":
        end += 1
    name = text[position:end].strip()
    if not name:
        raise JsonPathError(
            f"the path {_quoted(path)} cannot be read at column {position + 1}: a name is missing"
            " (a recursive '..' is not supported)."
        )
    if name == "*":
        raise JsonPathError(f"the path {_quoted(path)} has a wildcard, and only a path to a single value can be used.")
    return name, end


def _bracket(text: str, position: int, path: str) -> tuple[str | int, int]:
    inner = position + 1
    while inner < len(text) and text[inner] == " ":
        inner += 1
    if inner < len(text) and text[inner] in "'\"":
        return _quoted_key(text, inner, path)
    end = text.find("]", inner)
    content = text[inner:end].strip() if end >= 0 else ""
    digits = content.removeprefix("-")
    if digits.isascii() and digits.isdigit():
        if len(digits) > MAX_DIGITS:
            raise JsonPathError(f"the path {_quoted(path)} has an index of {len(digits)} digits; no list is that long.")
        return int(content), end + 1
    reason = "a wildcard, slice or filter is not supported" if content else "a bracket is not closed or empty"
    raise JsonPathError(f"the path {_quoted(path)} cannot be read at column {position + 1}: {reason}.")


def _quoted_key(text: str, start: int, path: str) -> tuple[str, int]:
    """A key up to the quote that a bracket follows: like the SDK's, it may hold quotes that no bracket follows."""
    characters: list[str] = []
    quote, position = text[start], start + 1
    while position < len(text):
        character = text[position]
        if character == "\\" and text[position + 1 : position + 2] in (quote, "\\"):
            position += 1
            character = text[position]
        elif character == quote and (closing := CLOSING_BRACKET.match(text, position + 1)):
            return "".join(characters), closing.end()
        characters.append(character)
        position += 1
    raise JsonPathError(f"the path {_quoted(path)} cannot be read at column {start + 1}: a quoted key is not closed.")


def _quoted(path: str) -> str:
    return repr(path if len(path) <= 200 else f"{path[:200]}…")
