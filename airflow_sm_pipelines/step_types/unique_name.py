"""Names that are made unique by the execution's id, for resources that stay after it (semantics 14.8)."""

from __future__ import annotations

EXECUTION_ID_LENGTH = 12


def unique_name(name: str, execution_id: str, limit: int, number: int = 1) -> str:
    """``<name>-<execution id>``, the name cut to fit the limit; ``-<number>`` after it from the second one on.

    It has no random part: every attempt of the execution asks for the same name.
    """
    tail = f"-{execution_id}" if number == 1 else f"-{execution_id}-{number}"
    return f"{_cut(name, limit - len(tail))}{tail}"


def kept_of(name: str, limit: int) -> str:
    """What of a given name is in the unique one."""
    return _cut(name, limit - EXECUTION_ID_LENGTH - 1)


def _cut(name: str, length: int) -> str:
    # A name has no hyphen at its end, where the cut may leave one.
    return name[:length].rstrip("-")
