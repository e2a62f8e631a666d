"""``replace``: what a file or Python puts in the place of texts of the definition, and whether it does."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.findings import Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.replacing import MAX_REPLACEMENTS, PathError, Replacement, tokens_of
from airflow_sm_pipelines.sidecars.kinds import Kind, WrongValueError, found_text, given_text, text
from airflow_sm_pipelines.sidecars.yaml_tree import Items, Members, Node

if TYPE_CHECKING:
    from airflow_sm_pipelines.graph import Plan

CODE = "replace"
_AT, _FROM, _TO = _KEYS = ("at", "from", "to")
_FORM = "a mapping with at (JSON paths), from and to"


class ReplaceError(ValueError):
    """What is no replacement."""


def read_replacements(node: Node) -> tuple[Replacement, ...]:
    """Those of a file."""
    if not isinstance(node, Items):
        raise WrongValueError(f"expected a list of replacements, found {found_text(node)}", node)
    if len(node.items) > MAX_REPLACEMENTS:
        raise WrongValueError(f"expected at most {MAX_REPLACEMENTS} replacements, found {len(node.items)}", node)
    return tuple([_read(item) for item in node.items])


def replacements_of(given: object) -> tuple[Replacement, ...]:
    """Those of Python: the same as mappings.

    :raises ReplaceError: for what is none
    """
    if given is None:
        return ()
    if isinstance(given, str | Mapping) or not isinstance(given, Sequence):
        raise ReplaceError(f"replace is {type(given).__name__}, and not a list of replacements, each {_FORM}")
    return tuple([each if isinstance(each, Replacement) else _of_mapping(each) for each in given])


def check_replaced(planned: Plan, replacements: Sequence[Replacement]) -> Iterator[Finding]:
    """A finding for each path of a replacement at which nothing was replaced: the setting would count for nothing."""
    done = {(each.index, each.at) for each in planned.replaced}
    for index, replacement in enumerate(replacements):
        for at in replacement.at:
            if (index, at) not in done:
                # What it would replace may be a secret: the finding is shown where the definition is not.
                which = f"replacement {index + 1}: at {at}"
                message = f"{which} there is no text that begins with its from as a whole"
                yield Finding(
                    message, code=CODE, line=replacement.line, column=replacement.column, given=("replace",)
                ).bounded()


def _read(node: Node) -> Replacement:
    if not isinstance(node, Members):
        raise WrongValueError(f"expected {_FORM}, found {found_text(node)}", node)
    members = {key.text: value for key, value in node.members}
    for key, _ in node.members:
        if key.text not in _KEYS:
            raise WrongValueError(f"a replacement has no {key.text!r}", key, nearest(key.text, _KEYS))
    if missing := _missing(members):
        raise WrongValueError(f"a replacement needs {' and '.join(missing)}", node)
    at_node = members[_AT]
    paths = at_node.items if isinstance(at_node, Items) else (at_node,)
    if not paths:
        raise WrongValueError("a replacement needs a JSON path", at_node)
    for path in paths:
        try:
            tokens_of(text(path))
        except PathError as error:
            raise WrongValueError(str(error), path) from None
    at = tuple([text(path) for path in paths])
    return Replacement(at, text(members[_FROM]), given_text(members[_TO]), node.line, node.column)


def _of_mapping(given: object) -> Replacement:
    if not isinstance(given, Mapping):
        raise ReplaceError(f"replace has {type(given).__name__}, and not {_FORM}")
    members: Mapping[Any, Any] = given
    if (missing := _missing(members)) or (unknown := [key for key in members if key not in _KEYS]):
        what = f"without {' and '.join(missing)}" if missing else f"with {unknown[0]!r}"
        raise ReplaceError(f"replace has a replacement {what}, and not {_FORM}")
    paths = [members[_AT]] if isinstance(members[_AT], str) else members[_AT]
    texts = [*paths, members[_FROM], members[_TO]] if isinstance(paths, Sequence) and paths else [None]
    if not all(isinstance(each, str) for each in texts) or not members[_FROM]:
        raise ReplaceError(f"replace has one that is not {_FORM}, which are texts, from and at not empty")
    for path in paths:
        try:
            tokens_of(path)
        except PathError as error:
            raise ReplaceError(f"replace: {error}") from None
    return Replacement(tuple(paths), members[_FROM], members[_TO])


def _missing(members: Collection[object]) -> list[str]:
    return [key for key in _KEYS if key not in members]


_PATH = {"type": "string", "pattern": r"^\$"}
REPLACE = Kind(
    read_replacements,
    {
        "type": "array",
        "maxItems": MAX_REPLACEMENTS,
        "items": {
            "type": "object",
            "required": list(_KEYS),
            "additionalProperties": False,
            "properties": {
                _AT: {"oneOf": [_PATH, {"type": "array", "items": _PATH, "minItems": 1}]},
                _FROM: {"type": "string", "minLength": 1},
                _TO: {"type": "string"},
            },
        },
    },
)
