"""A step's result as XCom holds it: the Describe response as JSON (contracts; semantics 14.9)."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.text import storable, storable_value, unstorable_in
from airflow_sm_pipelines.expressions.identity import iso_time
from airflow_sm_pipelines.expressions.json_text import MAX_FLOAT, SAFE_INTEGERS

if TYPE_CHECKING:
    from airflow_sm_pipelines.expressions.stringify import Json

log = logging.getLogger(__name__)

# Python writes whole numbers of some 14,000 bits as text, and no larger ones.
MAX_BITS = 10_000


def to_result(response: Mapping[str, object]) -> dict[str, Json]:
    """A boto3 response as one JSON object: times in ISO-8601 UTC, no response metadata.

    What JSON and Airflow's database cannot hold has another form: NaN and Infinity are texts, as in AWS's own JSON, so
    is a float of 2^63 and more, which PostgreSQL's JSON would give back as a whole number, and a character that cannot
    be stored is U+FFFD, which the log says.
    """
    members = {name: value for name, value in response.items() if name != "ResponseMetadata"}
    if (character := unstorable_in(members)) is not None:
        log.warning("AWS's response has %s of a text, which cannot be stored: U+FFFD stands for it", character)
        members = storable_value(members)
    return {name: _convert(value) for name, value in members.items()}


def _convert(value: object) -> Json:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, float) and abs(value) >= MAX_FLOAT:
        # A text that writes a number is compared with numbers as one.
        return repr(value)
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, Mapping):
        return {str(name): _convert(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_convert(element) for element in value]
    raise TypeError(f"a {type(value).__name__} of an AWS response has no JSON form")


def summarize(request: Json, limit: int) -> Json:
    """A request as the UI can show it: whole where its text keeps within ``limit`` characters, else shortened.

    Long strings, then long lists, then whole members, the largest first, give way to a note of what was there.
    """
    request = shortened = _sendable(request)
    if len(str(request)) <= limit:
        return request
    for longest_text, most_elements in ((200, None), (100, 10), (60, 3)):
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


def _sendable(value: Json) -> Json:
    """A request that Airflow's processes can send each other: whole numbers of more than 64 bits are texts, and U+FFFD
    stands for what cannot be stored."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_sendable(element) for element in value]
    if isinstance(value, dict):
        return {name: _sendable(member) for name, member in value.items()}
    if not isinstance(value, int) or isinstance(value, bool) or value in SAFE_INTEGERS:
        return value
    return str(value) if value.bit_length() <= MAX_BITS else f"(a number of {value.bit_length()} bits)"


def _shorten(value: Json, longest_text: int, most_elements: int | None) -> Json:
    if isinstance(value, str) and len(value) > longest_text:
        return f"{value[:longest_text]}… ({len(value)} characters)"
    if isinstance(value, list):
        kept = [_shorten(element, longest_text, most_elements) for element in value[:most_elements]]
        return kept if len(kept) == len(value) else [*kept, f"… ({len(value) - len(kept)} more)"]
    if isinstance(value, dict):
        return {name: _shorten(member, longest_text, most_elements) for name, member in value.items()}
    return value
