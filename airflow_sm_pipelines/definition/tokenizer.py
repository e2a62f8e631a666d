"""``Get`` texts to tagged references, token by token.

Grammar (``name`` has no ``.``, ``[`` or ``]``; ``rest`` is everything to the end)::

    get       = "Parameters." name | "Execution." name | "PipelineExperimentConfig." name
              | "Steps." name path | "Steps." name ".PropertyFiles." rest
              | "ForEach.CurrentItem" path | "IterationOutput." name path
    path      = { "." name | "[" digits "]" | "['" key "']" | '["' key '"]' }

A quoted key runs to the first quote of its kind that a ``]`` follows, so it may hold dots, colons, slashes,
brackets and, since the SDK writes keys without escaping, quotes. A backslash before a quote or a backslash
stands for that character; any other backslash for itself.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.expressions import (
    CurrentItem,
    ExecutionVariable,
    ExperimentReference,
    Index,
    IterationOutput,
    Key,
    Member,
    ParameterReference,
    PropertyFileReference,
    PropertyReference,
)
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.synonyms import meant_root

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Expression, PathToken, PropertyPath

ROOTS = ("Parameters", "Execution", "PipelineExperimentConfig", "Steps", "ForEach", "IterationOutput")

_NAME = re.compile(r"[^.\[\]'\"\s]+")
_INDEX = re.compile(r"\[([0-9]{1,9})\]")
_QUOTED = {
    "'": re.compile(r"\['((?:\\['\"\\]|[^'\\]|\\(?!['\"\\])|'(?!\]))*)'\]", re.DOTALL),
    '"': re.compile(r'\["((?:\\[\'"\\]|[^"\\]|\\(?![\'"\\])|"(?!\]))*)"\]', re.DOTALL),
}
_ESCAPE = re.compile(r"\\(['\"\\])")


class TokenError(ValueError):
    """A ``Get`` text that cannot be read; ``column`` counts from 1 within the text."""

    def __init__(self, message: str, column: int, suggestion: str | None = None) -> None:
        super().__init__(f"{message} (column {column})")
        self.message = message
        self.column = column
        self.suggestion = suggestion


_MAX_KEPT_LENGTH = 500
"""Characters of a text whose reference is kept for the next time: longer ones would fill the memory."""


def parse_get(text: str) -> Expression:
    """The reference that a ``Get`` names.

    :raises TokenError: with the column at which the text stops making sense.
    """
    return _kept(text) if len(text) <= _MAX_KEPT_LENGTH else _parse(text)


def _parse(text: str) -> Expression:
    root = text.split(".", 1)[0]
    position = len(root) + 1
    match root:
        case "Parameters":
            return ParameterReference(_whole_name(text, position, "a parameter's name"))
        case "Execution":
            return ExecutionVariable(_whole_name(text, position, "the name of an execution variable"))
        case "PipelineExperimentConfig":
            return ExperimentReference(_whole_name(text, position, "ExperimentName or TrialName"))
        case "Steps":
            return _step_reference(text, position)
        case "IterationOutput":
            name, position = _name(text, position, "the name of a step in the body of the ForEach")
            return IterationOutput(name, _path(text, position))
        case "ChildOutput":
            message = "ChildOutput is of a draft of ForEach that was never released; the root is IterationOutput"
            raise TokenError(message, 1, f"IterationOutput{text[len(root) :]}")
        case "ForEach":
            name, position = _name(text, position, "CurrentItem")
            if name != "CurrentItem":
                raise TokenError(f"ForEach has no {name!r}, only CurrentItem", len("ForEach.") + 1, "CurrentItem")
            return CurrentItem(_path(text, position))
    near = meant_root(root) or nearest(root, ROOTS)
    suggestion = f"{near}{text[len(root) :]}" if near else None
    raise TokenError(f"a reference begins with one of {', '.join(ROOTS)}, not with {shorten(root)!r}", 1, suggestion)


_kept = lru_cache(maxsize=4096)(_parse)


def parse_path(text: str) -> PropertyPath:
    """A property path on its own: ``.A[0]['k']``.

    :raises TokenError: with the column at which the text stops making sense.
    """
    return _path(text, 0)


def _step_reference(text: str, position: int) -> Expression:
    name, position = _name(text, position, "a step's name")
    # The name of a property file is free text, so it is everything that follows.
    if text.startswith(".PropertyFiles.", position) and len(text) > position + len(".PropertyFiles."):
        return PropertyFileReference(name, text[position + len(".PropertyFiles.") :])
    path = _path(text, position)
    match path:
        case (Member("PropertyFiles"), Key(file_name)):
            return PropertyFileReference(name, file_name)
    return PropertyReference(name, path)


def _name(text: str, position: int, what: str) -> tuple[str, int]:
    found = _NAME.match(text, position)
    if found is None:
        raise TokenError(f"{what} is missing", min(position, len(text)) + 1)
    return found.group(), found.end()


def _whole_name(text: str, position: int, what: str) -> str:
    name, end = _name(text, position, what)
    if end != len(text):
        raise TokenError(f"the reference should end after {name!r}, it has no members", end + 1)
    return name


def _path(text: str, position: int) -> PropertyPath:
    tokens: list[PathToken] = []
    while position < len(text):
        token, position = _token(text, position)
        tokens.append(token)
    return tuple(tokens)


def _token(text: str, position: int) -> tuple[PathToken, int]:
    if text[position] == ".":
        name, end = _name(text, position + 1, "a member's name")
        return Member(name), end
    if text[position] != "[":
        raise TokenError(f"expected '.' or '[', found {text[position]!r}", position + 1)
    quote = text[position + 1 : position + 2]
    if quote in _QUOTED:
        found = _QUOTED[quote].match(text, position)
        if found is None:
            raise TokenError(f"the key that begins here does not end with {quote}]", position + 1)
        return Key(_ESCAPE.sub(r"\1", found.group(1) or "", count=0)), found.end()
    found = _INDEX.match(text, position)
    if found is None:
        raise TokenError("expected [<number>] or ['<key>']", position + 1)
    return Index(int(found.group(1))), found.end()
