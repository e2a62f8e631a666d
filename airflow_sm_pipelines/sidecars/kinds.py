"""The types of settings: how a value is read, and how it is described to an editor."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.limits import MAX_ID_LENGTH, MAX_TAG_LENGTH
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.sidecars.schedules import fault_of_start
from airflow_sm_pipelines.sidecars.yaml_tree import Items, Members, Node, Scalar

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_DURATION = re.compile(r"(?:([0-9]{1,4})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,8})s)?")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_SAID_OTHERWISE = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}
MAX_DURATION = timedelta(days=365)


class WrongValueError(ValueError):
    """A value that a setting does not take; ``node`` is what is wrong."""

    def __init__(self, message: str, node: Node, suggestion: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.suggestion = suggestion


class Kind(Struct, frozen=True):
    """A type of settings."""

    read: Callable[[Node], Any]
    schema: Mapping[str, Any]


def found_text(node: Node) -> str:
    """What stands there, for a message."""
    if isinstance(node, Members):
        return "a mapping"
    if isinstance(node, Items):
        return "a list"
    return "nothing" if node.is_null else f"{shorten(node.text)!r}"


def text(node: Node) -> str:
    """A text, also one that looks like a number, boolean or date."""
    if not isinstance(node, Scalar) or node.is_null:
        raise WrongValueError(f"expected a text, found {found_text(node)}", node)
    if not node.text.strip():
        raise WrongValueError("expected a text, found an empty one", node)
    return node.text


def text_up_to(most: int) -> Callable[[Node], str]:
    """A text as long as Airflow's database holds it: a longer one would keep all Dags from being stored."""

    def read(node: Node) -> str:
        found = text(node)
        if len(found) > most:
            raise WrongValueError(f"expected a text of at most {most} characters, found {len(found)}", node)
        return found

    return read


def name_up_to(most: int) -> Kind:
    return Kind(text_up_to(most), {**SCALARS, "minLength": 1, "maxLength": most})


def dag_id(node: Node) -> str:
    """An id as Airflow takes it: one that would become another is no dag id."""
    found = text(node)
    if (safe := safe_dag_id(found)) != found:
        raise WrongValueError(
            f"expected a dag id: letters, digits, _, . and -, of at most {MAX_ID_LENGTH} characters", node, safe
        )
    return found


def boolean(node: Node) -> bool:
    if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
        return node.text == "true"
    meant = _SAID_OTHERWISE.get(node.text.lower(), node.text.lower()) if isinstance(node, Scalar) else ""
    raise WrongValueError(
        f"expected true or false, found {found_text(node)}", node, meant if meant in ("true", "false") else None
    )


def count_from(least: int, most: int) -> Kind:
    """A whole number in these bounds."""

    def read(node: Node) -> int:
        if (
            isinstance(node, Scalar)
            and node.plain
            and _INTEGER.fullmatch(node.text)
            and least <= int(node.text) <= most
        ):
            return int(node.text)
        raise WrongValueError(f"expected a whole number from {least} to {most}, found {found_text(node)}", node)

    return Kind(read, {"type": "integer", "minimum": least, "maximum": most})


def duration(node: Node) -> timedelta:
    """Seconds, or such a text as ``1d12h30m``."""
    found: timedelta | None = None
    if isinstance(node, Scalar) and node.text:
        if node.plain and _NUMBER.fullmatch(node.text) and math.isfinite(float(node.text)):
            found = timedelta(seconds=min(max(float(node.text), -1), MAX_DURATION.total_seconds() + 1))
        elif parts := _DURATION.fullmatch(node.text):
            days, hours, minutes, seconds = (int(part or 0) for part in parts.groups())
            found = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    if found is None or not timedelta(0) < found <= MAX_DURATION:
        most = f"of {MAX_DURATION.days} days at most"
        raise WrongValueError(
            f"expected seconds, or a time such as 90m or 2h30m, {most}, found {found_text(node)}", node
        )
    return found


def moment(node: Node) -> datetime:
    """A date, with time and zone where they matter: without a zone it is in Airflow's default one."""
    stated, _, zone = text(node).partition(" ")
    try:
        found = datetime.fromisoformat(stated)
        if zone:
            import pendulum

            # An offset beside the zone could contradict it, and makes this no date.
            found = datetime.fromisoformat(f"{stated}Z" if "T" in stated else f"{stated}T00Z")
            found = found.replace(tzinfo=pendulum.timezone(zone))
    except (ValueError, LookupError, OSError):
        form = "2026-01-05, 2026-01-05T06:00+01:00 or 2026-01-05 Europe/Berlin"
        raise WrongValueError(f"expected a date such as {form}, found {found_text(node)}", node) from None
    if (fault := fault_of_start(found)) is not None:
        raise WrongValueError(f"{fault}, found {found_text(node)}", node)
    return found


def texts_up_to(most: int) -> Callable[[Node], list[str]]:
    def read(node: Node) -> list[str]:
        if not isinstance(node, Items):
            raise WrongValueError(f"expected a list of texts, found {found_text(node)}", node)
        return [text_up_to(most)(item) for item in node.items]

    return read


def texts_by_name(node: Node) -> dict[str, str]:
    """A mapping with texts as values. An empty text is one."""
    if not isinstance(node, Members):
        raise WrongValueError(f"expected a mapping, found {found_text(node)}", node)
    return {key.text: given_text(value) for key, value in node.members}


def given_text(node: Node) -> str:
    """A text, maybe an empty one in quotes."""
    if not isinstance(node, Scalar) or node.is_null:
        raise WrongValueError(f"expected a value, found {found_text(node)}", node)
    return node.text


def choice_of(*choices: str) -> Kind:
    def read(node: Node) -> str:
        found = text(node)
        if found not in choices:
            raise WrongValueError(
                f"expected one of {', '.join(choices)}, found {found_text(node)}", node, nearest(found, choices)
            )
        return found

    return Kind(read, {"enum": list(choices)})


def dotted(node: Node) -> str:
    """The path by which a callable is imported."""
    found = text(node)
    if not _DOTTED.fullmatch(found):
        raise WrongValueError(f"expected a dotted path such as alerts.send_to_chat, found {found_text(node)}", node)
    return found


def plain_values(node: Node) -> dict[str, Any]:
    """A mapping with values as in JSON: what stands in quotes is a text."""
    if not isinstance(node, Members):
        raise WrongValueError(f"expected a mapping, found {found_text(node)}", node)
    return {key.text: _plain(value) for key, value in node.members}


def _plain(node: Node) -> Any:
    if isinstance(node, Members):
        return plain_values(node)
    if isinstance(node, Items):
        return [_plain(item) for item in node.items]
    if node.is_null:
        return None
    if not node.plain:
        return node.text
    if node.text in ("true", "false"):
        return node.text == "true"
    if _INTEGER.fullmatch(node.text):
        return int(node.text)
    number = float(node.text) if _NUMBER.fullmatch(node.text) else math.inf
    return number if math.isfinite(number) else node.text


# What an editor takes for a number or boolean is a text here.
SCALARS = {"type": ["string", "number", "boolean"]}
NAME = Kind(text, {**SCALARS, "minLength": 1})
BOOLEAN = Kind(boolean, {"type": "boolean"})
DURATION = Kind(
    duration,
    {
        "oneOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_DURATION.total_seconds()},
            {"type": "string", "pattern": f"^{_DURATION.pattern}$", "minLength": 2},
        ]
    },
)
MOMENT = Kind(moment, {"type": "string", "description": "A date, with a time, an offset or a time zone after it."})
DAG_ID = Kind(dag_id, {**SCALARS, "minLength": 1, "maxLength": MAX_ID_LENGTH})


def list_of_texts(most: int) -> Kind:
    """A list of texts of so many characters at most."""
    return Kind(texts_up_to(most), {"type": "array", "items": {**SCALARS, "minLength": 1, "maxLength": most}})


TAGS = list_of_texts(MAX_TAG_LENGTH)
BY_NAME = Kind(texts_by_name, {"type": "object", "additionalProperties": SCALARS})
TEXT_BY_NAME = Kind(texts_by_name, {"type": "object", "additionalProperties": {"type": "string"}})
DOTTED = Kind(dotted, {"type": "string", "pattern": f"^{_DOTTED.pattern}$"})
PLAIN = Kind(plain_values, {"type": "object"})
