"""Text that Airflow cannot store, and text that commands a terminal.

PostgreSQL takes no U+0000, in a text as in JSON. Half of a surrogate pair (U+D800 to U+DFFF alone) has no UTF-8 form,
so no database takes it, and neither do the messages between Airflow's processes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\ufffd"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def unstorable(text: str) -> str | None:
    """What in a text cannot be stored, for a message, or None where all of it can: ``U+0000 at character 3``."""
    found = _UNSTORABLE.search(text)
    return None if found is None else f"U+{ord(found[0]):04X} at character {found.start() + 1}"


def unstorable_in(value: object) -> str | None:
    """:func:`unstorable` for all texts of a JSON value, the names of its members included, at any depth."""
    left = [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            if (character := unstorable(each)) is not None:
                return character
        elif isinstance(each, Mapping):
            left.extend(each.keys())
            left.extend(each.values())
        elif isinstance(each, list | tuple):
            left.extend(each)
    return None


def storable(text: str) -> str:
    """A text with U+FFFD in the place of each character that cannot be stored."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def storable_value(value: Any) -> Any:
    """:func:`storable` for all texts of a JSON value; what is all storable is returned as it is."""
    if unstorable_in(value) is None:
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, Mapping):
        return {storable_value(name): storable_value(member) for name, member in value.items()}
    return [storable_value(element) for element in value]


def plain(text: str) -> str:
    """A text without control characters, which could break the line or command the terminal."""
    return _CONTROL.sub(REPLACEMENT, text)
