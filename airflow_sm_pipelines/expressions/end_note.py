"""How and why a step failed, as its task leaves it for those that run upon that (semantics 5.1).

Airflow knows a task's state, and keeps no reason; and a job that was stopped in AWS fails its task as any other does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.aws.failures import RunRefused, StepNotBegun
from airflow_sm_pipelines.graph.run_conditions import UpstreamState

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.failures import StepFailure
    from airflow_sm_pipelines.expressions.stringify import Json

END_KEY = "sagemaker_end"
"""The XCom key of the note. A step that has one has not succeeded, whatever else it has left."""

COMPLETED_WITH_FAILURES = "completed with failures"
"""How the note of the task that reports how the run ends says that a step ran upon a failure."""

_REFUSED, _NOT_BEGUN = "Refused", "NotBegun"
_STATES = {
    "Stopped": UpstreamState.STOPPED,
    _REFUSED: UpstreamState.REFUSED,
    _NOT_BEGUN: UpstreamState.NOT_BEGUN,
}


class EndNote(Struct, frozen=True):
    """``end`` is Failed, or Stopped where AWS says so of the job, Refused where the run could not start, or NotBegun
    where what the step waits for had not succeeded.

    ``handled_by`` are the children of a ForEach step that ran upon the failures of others, where some did upon each.
    ``headline`` is the reason in one line, ``job_name`` the job's. ``failed_tasks`` are those of the steps that failed,
    where the note is that of the task that reports how the run ends.
    """

    end: str
    reason: str
    handled_by: tuple[str, ...] = ()
    headline: str = ""
    job_name: str = ""
    failed_tasks: tuple[str, ...] = ()

    @classmethod
    def of(cls, failure: StepFailure, job_name: str = "") -> EndNote:
        if isinstance(failure, RunRefused):
            end = _REFUSED
        elif isinstance(failure, StepNotBegun):
            end = _NOT_BEGUN
        else:
            end = "Stopped" if failure.job_stopped else "Failed"
        return cls(end, str(failure), failure.handled_by, failure.headline, job_name)

    def to_json(self) -> dict[str, Json]:
        return {
            "end": self.end,
            "reason": self.reason,
            "handled_by": [*self.handled_by],
            "headline": self.headline,
            "job_name": self.job_name,
            "failed_tasks": [*self.failed_tasks],
        }

    @classmethod
    def from_json(cls, stored: object) -> EndNote | None:
        """A stored note, None for what is none. What an earlier version has left may lack the last members."""
        if not isinstance(stored, Mapping):
            return None
        end, reason, handled_by = stored.get("end"), stored.get("reason"), stored.get("handled_by") or ()
        if not isinstance(end, str) or not isinstance(reason, str):
            return None
        headline, job_name = stored.get("headline") or reason, stored.get("job_name") or ""
        failed_tasks = tuple(map(str, stored.get("failed_tasks") or ()))
        return cls(end, reason, tuple(map(str, handled_by)), str(headline), str(job_name), failed_tasks)

    @property
    def state(self) -> UpstreamState:
        """What has become of the step."""
        return _STATES.get(self.end, UpstreamState.FAILED)
