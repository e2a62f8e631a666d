"""The names by which a Dag run is an execution of a pipeline, and its jobs are told apart (semantics 2.0, 3.3)."""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.unique_name import EXECUTION_ID_LENGTH

if TYPE_CHECKING:
    from airflow_sm_pipelines.place import Place

ALPHABET = string.digits + string.ascii_lowercase
TOKEN_LENGTH = 10
STEP_NAME_LENGTH = 20
LONG_NAME_LIMIT = 63
"""Jobs whose names must be shorter than this have a name of the short form."""


def execution_id(place: Place, run_id: str) -> str:
    """The execution's id: exactly 12 of ``[a-z0-9]``, the same for every try and clear of the run's tasks."""
    names = (place.dag_id, run_id) if place.group_id is None else (place.dag_id, run_id, place.group_id)
    number = int.from_bytes(hashlib.sha256("\0".join(names).encode()).digest(), "big")
    characters = []
    for _ in range(EXECUTION_ID_LENGTH):
        number, position = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[position])
    return "".join(characters)


def new_token() -> str:
    """The random part of a job's name, so that no other run, and no run that re-uses a run id, can have it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(TOKEN_LENGTH))


def pipeline_name(place: Place) -> str:
    """A pipeline's name, whose characters are ``[A-Za-z0-9-]`` beginning and ending with no hyphen."""
    return re.sub(r"[^A-Za-z0-9-]", "-", place.name).strip("-") or "pipeline"


def job_name(
    execution: str, step: str, token: str, failures: int, *, limit: int, prefix: str | None = None
) -> tuple[str, bool]:
    """The name of a step's job, and whether a custom prefix had to be cut to keep the name's limit.

    ``pipelines-<execution>-<step>-<token>`` with at most 20 characters of the step's name, or
    ``<prefix>-<execution>-<token>``, and ``-<failures>`` after a failed attempt. A name that is too short for that
    (tuning and AutoML jobs have 32 characters; AWS does not say what it calls them) is ``<token>-<step>``.
    """
    suffix = f"-{failures}" if failures else ""
    if prefix is None:
        hyphenated = step.replace("_", "-")
        if limit < LONG_NAME_LIMIT:
            kept = hyphenated[: limit - len(token) - len(suffix) - 1].strip("-")
            return f"{token}-{kept}{suffix}", False
        shortened = hyphenated[:STEP_NAME_LENGTH].strip("-")
        return f"pipelines-{execution}-{shortened}-{token}{suffix}", False
    tail = f"-{execution}-{token}{suffix}"
    kept = prefix[: limit - len(tail)].rstrip("-")
    return f"{kept}{tail}", kept != prefix


def iso_time(moment: datetime) -> str:
    """A time as the service writes it: ISO-8601 in UTC with milliseconds and ``Z`` (semantics 3.3, 14.9)."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
