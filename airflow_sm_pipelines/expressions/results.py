"""A step's result as XCom holds it: the Describe response as JSON (contracts; semantics 14.9)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_sm_pipelines.jobs.identity import iso_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_sm_pipelines.expressions.stringify import Json

MASKED = "***"
# The maps of a request whose keys are the user's own names, some of which name secrets.
MASKED_MAPS = frozenset({"Environment", "HyperParameters", "StaticHyperParameters", "Properties", "properties"})


def to_result(response: Mapping[str, object], is_sensitive: Callable[[str], bool]) -> dict[str, Json]:
    """A boto3 response as one JSON object: times in ISO-8601 UTC, no response metadata, secrets masked.

    ``is_sensitive`` tells whether a name is that of a secret.
    """
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    converted = _convert(members, is_sensitive)
    if not isinstance(converted, dict):
        raise TypeError("a response is an object")
    return converted


def _convert(value: object, is_sensitive: Callable[[str], bool]) -> Json:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, Mapping):
        return {
            str(name): _mask(member, is_sensitive) if name in MASKED_MAPS else _convert(member, is_sensitive)
            for name, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_convert(element, is_sensitive) for element in value]
    raise TypeError(f"a {type(value).__name__} of an AWS response has no JSON form")


def _mask(value: object, is_sensitive: Callable[[str], bool]) -> Json:
    if not isinstance(value, Mapping):
        return _convert(value, is_sensitive)
    return {
        str(name): MASKED if is_sensitive(str(name)) else _convert(member, is_sensitive)
        for name, member in value.items()
    }


def summarize(request: Json, limit: int) -> Json:
    """A request as the UI can show it: whole where its text keeps within ``limit`` characters, else shortened.

    Long strings, then long lists, then whole members, the largest first, give way to a note of what was there.
    """
    shortened = request
    for longest_text, most_elements in ((None, None), (200, None), (100, 10), (60, 3)):
        shortened = _shorten(request, longest_text, most_elements)
        if len(str(shortened)) <= limit:
            return shortened
    if not isinstance(request, dict) or not isinstance(shortened, dict):
        return f"… ({len(str(request))} characters)"
    for name in sorted(shortened, key=lambda name: len(str(shortened[name])), reverse=True):
        shortened[name] = f"… ({len(json.dumps(request[name]))} characters)"
        if len(str(shortened)) <= limit:
            break
    return shortened


def _shorten(value: Json, longest_text: int | None, most_elements: int | None) -> Json:
    if isinstance(value, str) and longest_text is not None and len(value) > longest_text:
        return f"{value[:longest_text]}… ({len(value)} characters)"
    if isinstance(value, list):
        kept = [_shorten(element, longest_text, most_elements) for element in value[:most_elements]]
        return kept if len(kept) == len(value) else [*kept, f"… ({len(value) - len(kept)} more)"]
    if isinstance(value, dict):
        return {name: _shorten(member, longest_text, most_elements) for name, member in value.items()}
    return value
