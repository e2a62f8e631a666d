"""What the step cache holds, how long a result may be reused, and which ones are forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pendulum
from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.durations import Duration
    from airflow_sm_pipelines.expressions.stringify import Json


class CacheEntry(Struct, frozen=True):
    """A result of a step that succeeded.

    ``succeeded_at`` is in epoch seconds. ``attributes`` are digests by path, ``job`` is the step's record of its job in
    the XCom ``sagemaker``, and ``result`` its ``return_value``, secrets masked as they are there; ``sealed`` is the
    XCom ``sagemaker_sealed`` that has them, where there is one.
    """

    run_id: str
    succeeded_at: float
    attributes: dict[str, str]
    job: dict[str, Json]
    result: dict[str, Json]
    sealed: str | None = None

    def to_json(self) -> dict[str, Json]:
        members: dict[str, Json] = asdict(self)
        # Where nothing is sealed, an entry is as older versions read it.
        return members if self.sealed is not None else {name: members[name] for name in members if name != "sealed"}

    @classmethod
    def from_json(cls, stored: Json) -> CacheEntry | None:
        """Read a stored entry; one that another version wrote and this one cannot read is None."""
        try:
            return cls(**cast("dict[str, object]", stored))  # type: ignore[arg-type] # checked by to_json's inverse
        except TypeError:
            return None


def oldest_allowed(expire_after: Duration, now: datetime) -> datetime:
    """The moment since which a result must have come about to be reused: years and months are those of the calendar."""
    try:
        return pendulum.instance(now).subtract(
            years=expire_after.years,
            months=expire_after.months,
            days=expire_after.days,
            hours=expire_after.hours,
            minutes=expire_after.minutes,
            seconds=expire_after.seconds,
        )
    except (ValueError, OverflowError):
        # It lies before the year 1.
        return datetime.min.replace(tzinfo=UTC)


def kept(index: Mapping[str, float], oldest: float, limit: int) -> dict[str, float]:
    """Of the keys in an index, with the times of their results, those to keep: not expired, the newest ``limit``."""
    fresh = [key for key in sorted(index, key=lambda key: index[key], reverse=True) if index[key] >= oldest]
    return {key: index[key] for key in fresh[:limit]}
