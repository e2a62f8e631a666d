"""Times in requests: seconds since 1970, as SDKs write them, or ISO-8601 texts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_sm_pipelines.wire.errors import ApiError


def time_in(request: Mapping[str, Any], name: str) -> datetime | None:
    """A time of a request, None where it is not given.

    :raises ApiError: SerializationException for what is no time
    """
    given = request.get(name)
    if given is None:
        return None
    try:
        if isinstance(given, str):
            found = datetime.fromisoformat(given)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        return datetime.fromtimestamp(given, UTC)
    except (ValueError, OverflowError, OSError):
        raise ApiError("SerializationException", f"{name} is no time that can be read.") from None


def epoch_in(request: Mapping[str, Any], name: str) -> float | None:
    """The same in seconds since 1970."""
    found = time_in(request, name)
    return None if found is None else found.timestamp()
