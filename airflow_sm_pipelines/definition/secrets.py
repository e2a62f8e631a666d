"""Values as they may be shown: texts under the name of a secret are masked, and so are known secrets in other texts.

Numbers, booleans and null are never masked, nor is a short text that writes one: the values of HyperParameters and
Environment are all texts. Expressions stay: that a password is ``Parameters.DbPassword`` is no secret.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_sm_pipelines.definition.expressions import OBJECTS, SCALARS, Join
from airflow_sm_pipelines.definition.plain import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from airflow_sm_pipelines.definition.secret_names import IsSecret

MASKED = "***"
TOO_DEEP = "…"
MIN_LENGTH = 5
"""Airflow's default for ``[logging] min_length_masked_secret``: shorter texts are not looked for in other texts."""

_NAMES = ("Name", "Key", "name", "key", "OutputName")
_VALUES = ("Value", "value", "DefaultValue")
_ARRAYS: Final = (list, tuple)
_PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|true|false", re.IGNORECASE)


def mask(value: Any, is_secret: IsSecret, redact: Callable[[str], str] = str, depth: int = 0) -> Any:
    """A JSON value, or a value of a definition, as it may be shown.

    A member is masked by its name, or by that of a pair such as ``{"Name": "DbPassword", "Value": "…"}``. ``redact``
    takes known secrets out of the texts that have no such name. What is nested deeper than ``MAX_DEPTH`` levels is not
    shown: an answer from elsewhere can be deeper than Python's stack.
    """
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, SCALARS):
        return value
    if isinstance(value, OBJECTS):
        secret = _secret_members(value, is_secret)
        return {
            name: mask_whole(member, depth + 1) if name in secret else mask(member, is_secret, redact, depth + 1)
            for name, member in value.items()
        }
    if isinstance(value, _ARRAYS):
        return type(value)([mask(element, is_secret, redact, depth + 1) for element in value])
    if isinstance(value, Join):
        return Join(value.separator, mask(value.values, is_secret, redact, depth + 1))
    return value


def mask_whole(value: Any, depth: int = 0) -> Any:
    """A value that stands under the name of a secret: each text in it is masked, its form stays."""
    if depth > MAX_DEPTH:
        return TOO_DEEP
    if isinstance(value, str):
        return value if is_plain(value) else MASKED
    if isinstance(value, Mapping):
        return {name: mask_whole(member, depth + 1) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(mask_whole(element, depth + 1) for element in value)
    if isinstance(value, Join):
        return Join(value.separator, tuple(mask_whole(part, depth + 1) for part in value.values))
    return value


def is_plain(text: str) -> bool:
    """Whether a text is empty, or a number or boolean too short for a secret."""
    return not text or (len(text) < MIN_LENGTH and _PLAIN.fullmatch(text) is not None)


def has_mask(value: Any) -> bool:
    """Whether something in a JSON value was masked, or looks as if it were."""
    if isinstance(value, str):
        return MASKED in value
    members: Iterable[Any] = ()
    if isinstance(value, Mapping):
        members = value.values()
    elif isinstance(value, list | tuple):
        members = value
    return any(has_mask(member) for member in members)


def texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value, names of members not included."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, Mapping):
            left.extend(each.values())
        elif isinstance(each, list | tuple):
            left.extend(each)


def secret_texts(value: Any, is_secret: IsSecret) -> Iterator[str]:
    """The texts in a JSON value that stand under the name of a secret, however deeply it is nested."""
    return _below_secrets(value, is_secret, texts)


def literal_secrets(document: Any, is_secret: IsSecret) -> Iterator[str]:
    """The texts that a definition's JSON has under the name of a secret; what an expression refers to is none."""
    return _below_secrets(document, is_secret, _literals)


def _below_secrets(value: Any, is_secret: IsSecret, found: Callable[[Any], Iterator[str]]) -> Iterator[str]:
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, OBJECTS):
            secret = _secret_members(each, is_secret)
            for name, member in each.items():
                if name in secret:
                    yield from found(member)
                else:
                    left.append(member)
        elif isinstance(each, _ARRAYS):
            left.extend(each)


def _literals(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping) and len(value) == 1:
        (name, member), *_ = value.items()
        if name in ("Get", "Std:JsonGet"):
            return
        if name == "Std:Join" and isinstance(member, Mapping):
            value = member.get("Values")
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _literals(member)
    elif isinstance(value, list | tuple):
        for element in value:
            yield from _literals(element)


def forms(text: str) -> frozenset[str]:
    """How a secret can stand in another text: as it is, as JSON and Python write it."""
    return frozenset({text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]})


def redactor(secrets: Iterable[str], min_length: int = MIN_LENGTH) -> Callable[[str], str]:
    """What masks these secrets wherever they stand in a text; texts shorter than ``min_length`` are none."""
    known = {form for text in secrets if len(text) >= min_length for form in forms(text)}
    if not known:
        return str
    # The longest first: one secret may be the beginning of another.
    pattern = re.compile("|".join(re.escape(form) for form in sorted(known, key=len, reverse=True)))
    return lambda text: pattern.sub(MASKED, text)


def names_over(members: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The names that say whether a member is a secret: its own, and that of the pair whose value it is."""
    # What a parameter with EnumValues may be is written down for all to see.
    if name not in _VALUES or "EnumValues" in members:
        return (name,)
    return (name, *(label for each in _NAMES if isinstance(label := members.get(each), str)))


def _secret_members(members: Mapping[str, Any], is_secret: IsSecret) -> frozenset[str]:
    """The names of the members whose values are secrets."""
    return frozenset(
        [
            name
            for name in members
            if is_secret(name) or (name in _VALUES and any(map(is_secret, names_over(members, name))))
        ]
    )
