"""How long AWS lets a job run, by the job's own request as Describe gives it back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.member_paths import member_at

if TYPE_CHECKING:
    from collections.abc import Mapping

CREATED = "CreationTime"
# With these a training job's time counts from its creation: they bound its wait for capacity too.
SPOT = "EnableManagedSpotTraining"
MAX_WAIT = "StoppingCondition.MaxWaitTimeInSeconds"
MAX_PENDING = "StoppingCondition.MaxPendingTimeInSeconds"
EXCEEDED = {
    "MaxRuntimeExceeded": "StoppingCondition.MaxRuntimeInSeconds",
    "MaxWaitTimeExceeded": MAX_WAIT,
}


def overdue(kind: JobKind, described: Mapping[str, Any], grace: float, now: float) -> str | None:
    """The limit that a running job has exceeded by more than ``grace`` seconds, in words, else None.

    ``now`` is in epoch seconds. The clock starts when the job does: its wait for capacity counts only where the
    request bounds that wait. A job without a limit never exceeds it.
    """
    limit, latest = _limit(kind, described), overdue_after(kind, described, grace)
    if limit is None or latest is None or now <= latest:
        return None
    name, seconds, since = limit
    return f"its {name.rpartition('.')[2]} of {seconds} s, and {grace:g} s more, are over since {since.isoformat()}"


def overdue_after(kind: JobKind, described: Mapping[str, Any], grace: float) -> float | None:
    """When that is so if the job runs on, in epoch seconds; None where nothing bounds it yet."""
    limit = _limit(kind, described)
    if limit is None or not isinstance(limit[2], datetime):
        return None
    return limit[2].timestamp() + limit[1] + grace


def _limit(kind: JobKind, described: Mapping[str, Any]) -> tuple[str, int, Any] | None:
    """A limit's name, its seconds, and the time from which they count."""
    max_wait = member_at(described, MAX_WAIT)
    if described.get(SPOT) and max_wait:
        return MAX_WAIT, max_wait, described.get(CREATED)
    if kind.started_field is not None and described.get(kind.started_field) is None:
        max_pending = member_at(described, MAX_PENDING)
        return (MAX_PENDING, max_pending, described.get(CREATED)) if max_pending else None
    found = ((name, member_at(described, name) or kind.default_limit) for name in kind.limit_fields)
    since = described.get(kind.started_field or CREATED)
    return next(((name, seconds, since) for name, seconds in found if seconds), None)


def reason_of_limit(kind: JobKind, described: Mapping[str, Any]) -> str | None:
    """Why AWS ended a job that it gives no other reason for: the job has reached its limit. None where it has not."""
    name = EXCEEDED.get(str(described.get("SecondaryStatus")))
    if name is not None:
        return f"it ran for as long as its {name} allows ({member_at(described, name)} s), and AWS ended it"
    limit, ended = _limit(kind, described), described.get("LastModifiedTime")
    if limit is None or not isinstance(ended, datetime) or not isinstance(limit[2], datetime):
        return None
    name, seconds, since = limit
    ran = (ended - since).total_seconds()
    return f"it ran for as long as its {name} allows ({seconds} s), and AWS ended it" if ran >= seconds else None
