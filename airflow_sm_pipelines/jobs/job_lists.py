"""What List calls say of jobs that have changed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.step_types.list_calls import ListCall

MODIFIED = "LastModifiedTime"
PAGE_SIZE = 100
"""The most that a List call of SageMaker gives."""

Ask = Callable[[dict[str, Any]], Awaitable[Mapping[str, Any]]]
"""Makes the List call with a request."""


class Glimpse(Struct, frozen=True):
    """What is known of a job from one answer: when it was changed last, and its status."""

    modified: datetime | None
    status: str

    def is_news_to(self, earlier: Glimpse) -> bool:
        """Whether the job has changed since an earlier answer. An answer may be older than that one: then not."""
        if self.modified is None or earlier.modified is None:
            # Transform jobs are described without it.
            return self.status != earlier.status
        return self.modified > earlier.modified or (self.modified == earlier.modified and self.status != earlier.status)


class TooManyPagesError(Exception):
    """What has changed in the account fills more pages than there are jobs to be described."""


async def changed_since(ask: Ask, call: ListCall, since: float, most_pages: int) -> dict[str, Glimpse]:
    """The jobs of one kind that were changed after ``since`` (epoch seconds of AWS's clock), by their names.

    A job that changes while the pages are read may be in none of them, or in two: the newer is taken.

    :raises TooManyPagesError: where there are more pages
    :raises ClientError, BotoCoreError: what the call raises
    """
    found: dict[str, Glimpse] = {}
    request: dict[str, Any] = {
        "LastModifiedTimeAfter": datetime.fromtimestamp(since, UTC),
        "MaxResults": PAGE_SIZE,
    }
    for _ in range(most_pages):
        answer = await ask(request)
        for summary in answer.get(call.summaries, ()):
            name = str(summary.get(call.name_field))
            seen = Glimpse(_moment(summary.get(MODIFIED)), str(summary.get(call.status_field)))
            if name not in found or seen.is_news_to(found[name]):
                found[name] = seen
        token = answer.get("NextToken")
        if not token:
            return found
        request = {**request, "NextToken": token}
    raise TooManyPagesError


def glimpse_of(described: Mapping[str, Any], status: str) -> Glimpse:
    """What a Describe response says."""
    return Glimpse(_moment(described.get(MODIFIED)), status)


def date_of(answer: Mapping[str, Any]) -> float | None:
    """AWS's clock, in epoch seconds, as an answer of it gives it; None where it does not."""
    date = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        return None if date is None else parsedate_to_datetime(date).timestamp()
    except ValueError:
        return None


def _moment(value: Any) -> datetime | None:
    return value if isinstance(value, datetime) else None
