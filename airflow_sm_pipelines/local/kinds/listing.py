"""The common part of the List actions: filters, order, pages."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.state import Job

Item = TypeVar("Item")


def list_page(
    jobs: Sequence[Job],
    parameters: Mapping[str, Any],
    now: float,
    *,
    sort_by: str = "CreationTime",
    sort_order: str = "Ascending",
) -> tuple[list[Job], dict[str, str]]:
    """Filter, sort and cut; ``jobs`` are in order of creation. The second value is ``{"NextToken": ...}`` or empty."""

    def wanted(job: Job) -> bool:
        current = job.timeline.current(now)
        changed = max(current.at, job.modified or 0)
        return (
            parameters.get("NameContains", "").lower() in job.name.lower()
            and parameters.get("StatusEquals", current.status) == current.status
            and moment(parameters.get("CreationTimeAfter"), 0.0) <= job.created
            and job.created <= moment(parameters.get("CreationTimeBefore"), float("inf"))
            and moment(parameters.get("LastModifiedTimeAfter"), 0.0) <= changed
            and changed <= moment(parameters.get("LastModifiedTimeBefore"), float("inf"))
        )

    keys: dict[str, Callable[[Job], Any]] = {
        "Name": lambda job: job.name,
        "CreationTime": lambda job: job.created,
        "Status": lambda job: job.timeline.current(now).status,
    }
    found = sorted(filter(wanted, jobs), key=keys[parameters.get("SortBy", sort_by)])
    if parameters.get("SortOrder", sort_order) == "Descending":
        found.reverse()
    return cut(found, parameters)


def cut(items: Sequence[Item], parameters: Mapping[str, Any]) -> tuple[list[Item], dict[str, str]]:
    """The page that ``NextToken`` and ``MaxResults`` (AWS's default: 10) ask for."""
    start = 0
    if token := parameters.get("NextToken"):
        try:
            start = int(base64.b64decode(token, validate=True))
        except ValueError:
            raise invalid("The pagination token is invalid.") from None
    end = start + parameters.get("MaxResults", 10)
    more = {"NextToken": base64.b64encode(str(end).encode()).decode()} if end < len(items) else {}
    return list(items[start:end]), more


def moment(value: Any, default: float) -> float:
    """A timestamp of a JSON request, epoch seconds or ISO 8601, as epoch seconds."""
    if value is None:
        return default
    if isinstance(value, str):
        parsed = datetime.fromisoformat(value)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    return float(value)
