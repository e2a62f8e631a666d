"""Those who follow the life of a job: links, logs, lineage, assets, metrics. And the cache, which may spare it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from airflow_sm_pipelines.jobs.step_secrets import Published

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.expressions.values import Scope
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


class JobEnd(Enum):
    """How a job ended for its step, as metrics have it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    """The task's execution_timeout is over."""
    OVERDUE = "overdue"
    """It runs on after the time that its own request gives it."""
    UNREADABLE = "unreadable"
    """AWS no longer shows it."""
    KILLED = "killed"
    """It was asked to stop, since its task was ended."""


class JobObserver:
    """Follows one try of a job's step. Each method may be left as it is."""

    def job_named(self, run: StepJobRun) -> None:
        """The job's name is known; there may be no job yet."""

    def job_begun(self, run: StepJobRun) -> None:
        """AWS has taken the call that creates the job."""

    def job_adopted(self, run: StepJobRun) -> None:
        """This try goes on with the job of an earlier one."""

    def cache_asked(self, run: StepJobRun, *, hit: bool) -> None:
        """The step cache was asked for a result that stands for the job."""

    def job_ended(self, run: StepJobRun, end: JobEnd) -> None:
        """The job has ended, or this try gives it up; called once."""

    def job_known(self, run: StepJobRun) -> None:
        """The job is there: it is waited for, or its try has come back from the trigger."""

    def polled(self, run: StepJobRun) -> None:
        """A worker that waits for the job has described it."""

    def failure_notes(self, run: StepJobRun, *, with_log: bool) -> Sequence[str]:  # noqa: ARG002 # of the interface
        """Lines to put below the message of the job's failure; ``with_log``: the end of its log too."""
        return ()

    def succeeded(self, run: StepJobRun, result: Mapping[str, Json]) -> None:
        """The job has succeeded, and this is the step's result."""


class CachedResult(Struct, frozen=True):
    """An earlier result that stands for this step's; ``job`` is the old job, as its step recorded it."""

    published: Published
    job: dict[str, Any]
    source: dict[str, Json]


class ResultCache(Protocol):
    """The step cache, as the life of a job asks it."""

    def attributes(self, run: StepJobRun, arguments: Mapping[str, Json], scope: Scope) -> dict[str, str] | None:
        """The digests by which the result is found again; None where it is not cached."""

    def lookup(self, run: StepJobRun) -> CachedResult | None:
        """A result that can be reused; None where the job has to run."""

    def reused(self, found: CachedResult) -> None:
        """The result was reused."""

    def store(self, run: StepJobRun, job: Mapping[str, Any], result: Published) -> None:
        """Keep the result of a job that has succeeded."""


class NoCache:
    """Where nothing is cached."""

    def attributes(self, run: StepJobRun, arguments: Mapping[str, Json], scope: Scope) -> dict[str, str] | None:  # noqa: ARG002 # of the interface
        return None

    def lookup(self, run: StepJobRun) -> CachedResult | None:  # noqa: ARG002 # of the interface
        return None

    def reused(self, found: CachedResult) -> None:
        """Never called."""

    def store(self, run: StepJobRun, job: Mapping[str, Any], result: Published) -> None:
        """Nothing is kept."""
