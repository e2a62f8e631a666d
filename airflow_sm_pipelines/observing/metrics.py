"""The metrics of this package: one table, by which they are sent, documented and tested.

A new metric is a constant here and its place in :data:`METRICS`; whoever knows of the event calls it, such as
``POLLS.add(operation="DescribeTrainingJob")``. ``python -m airflow_sm_pipelines.report.metrics_page`` makes the page.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from airflow_sm_pipelines.observing.stats import stats

LOST = "lost"
"""The ``exception_type`` of a try that was lost by no failure of the step."""
TAGS = {
    "step_type": "the `Type` of the step, such as `Training`",
    "end": "how the job ended: `succeeded`, `failed`, `timed_out` (execution_timeout), `overdue` (it runs on after the"
    " time of its own request), `unreadable` (AWS no longer shows it), `killed` (it was asked to stop)",
    "operation": "the operation of AWS's API, such as `DescribeTrainingJob`",
    "service": "the service of AWS, such as `sagemaker`",
    "outcome": "`ok`, `throttled`, `error` (AWS refused the call) or `lost` (no answer)",
    "exception_type": "the type that a RetryPolicy names, such as `Step.THROTTLING`; `lost` for a try that was lost by"
    " no failure of the step, `none` for a failure without a type",
}


class Metric(Struct, frozen=True):
    """A metric: its name below Airflow's prefix, its tags, what it says, and what to alert on."""

    kind: ClassVar[str] = ""

    name: str
    meaning: str
    alert: str = ""
    tags: tuple[str, ...] = ()

    def sent_with(self, tags: dict[str, str]) -> dict[str, str]:
        """The tags, which are those that the table names: a series with others would be another one."""
        if tags.keys() != set(self.tags):
            raise TypeError(f"the metric {self.name} has the tags {self.tags}, not {tuple(tags)}")
        return tags


class Counter(Metric, frozen=True):
    """Counts events."""

    kind = "counter"

    def add(self, count: int = 1, **tags: str) -> None:
        """Count one event, or some."""
        if (backend := stats()) is not None:
            backend.incr(self.name, count, tags=self.sent_with(tags))


class Gauge(Metric, frozen=True):
    """Says how many there are."""

    kind = "gauge"

    def set(self, value: float, **tags: str) -> None:
        """Say how many there are now."""
        if (backend := stats()) is not None:
            backend.gauge(self.name, value, tags=self.sent_with(tags))


class Timer(Metric, frozen=True):
    """Says how long something took."""

    kind = "timer"

    def record(self, seconds: float, **tags: str) -> None:
        """Say how long it took this time."""
        if (backend := stats()) is not None:
            # Airflow's backends take numbers as milliseconds.
            backend.timing(self.name, seconds * 1000, tags=self.sent_with(tags))


JOBS_BEGUN = Counter(
    "sm_pipelines.jobs.begun",
    "AWS has accepted the call that creates a job (or another resource that a step makes).",
    "Far more than usual: a schedule or a retry that runs away costs money.",
    ("step_type",),
)
JOBS_ADOPTED = Counter(
    "sm_pipelines.jobs.adopted",
    "A later try goes on with the job of an earlier one, whose worker was lost.",
    "Many: workers die, or are taken for dead.",
    ("step_type",),
)
JOBS_ENDED = Counter(
    "sm_pipelines.jobs.ended",
    "A step has seen how its job ended, or has given it up.",
    "The share of `failed` and `timed_out` among all; any `unreadable`.",
    ("step_type", "end"),
)
JOBS_IN_FLIGHT = Gauge(
    "sm_pipelines.jobs.in_flight",
    "Jobs that triggers wait for, in the whole deployment. The triggerer counts them at each look for jobs without an"
    " owner (`orphan_jobs_interval`; 0: never). Steps that wait in a worker (`deferrable` off) are not among them.",
    "Near a quota of the account, or near `[triggerer] capacity` times the number of triggerers.",
)
POLLS = Counter(
    "sm_pipelines.polls",
    "Looks at jobs that run, answered or not.",
    "Zero while jobs are in flight: no triggerer looks.",
    ("operation",),
)
AWS_CALLS = Counter(
    "sm_pipelines.aws_calls",
    "Calls of AWS by steps, triggers and the sweep. Each repetition by botocore counts.",
    "`lost` or `error` above what is usual.",
    ("service", "operation", "outcome"),
)
THROTTLES = Counter(
    "sm_pipelines.throttles",
    "Calls that AWS refused as too many, those that botocore has repeated included.",
    "More than a few in a minute: raise `poll_interval`, or have the quota raised.",
    ("service", "operation"),
)
PACE_WAITS = Timer(
    "sm_pipelines.pace.wait",
    "A call waits for its permit, or for its turn to ask again. Without a pace there is none.",
    "Minutes: more steps are started than AWS takes jobs.",
    ("operation",),
)
CACHE_HITS = Counter(
    "sm_pipelines.cache.hits",
    "An earlier result stood for a job of a step with a CacheConfig.",
    "None where there were many: something in the requests changes at each run.",
    ("step_type",),
)
CACHE_MISSES = Counter(
    "sm_pipelines.cache.misses",
    "A step with a CacheConfig had to run its job. The task's log says why.",
    "",
    ("step_type",),
)
RETRIES = Counter(
    "sm_pipelines.retries",
    "A try is followed by another one, granted by a RetryPolicy of its step or by `max_lost_tries`. Where the worker"
    " died, the try that follows counts it.",
    "`lost` (workers or triggerers die), `Step.THROTTLING`, `SageMaker.CAPACITY_ERROR`.",
    ("exception_type",),
)
FAILURES = Counter(
    "sm_pipelines.failures",
    "A step has failed for good: no policy grants another try.",
    "Any with a type other than `none`: its retries are used up.",
    ("exception_type",),
)
ORPHANS_STOPPED = Counter(
    "sm_pipelines.orphans_stopped",
    "The triggerer has found a job whose task had ended without stopping it, and has asked AWS to stop it.",
    "Any: a worker or triggerer died in the middle of a kill.",
)

METRICS: tuple[Metric, ...] = (
    JOBS_BEGUN,
    JOBS_ADOPTED,
    JOBS_ENDED,
    JOBS_IN_FLIGHT,
    POLLS,
    AWS_CALLS,
    THROTTLES,
    PACE_WAITS,
    CACHE_HITS,
    CACHE_MISSES,
    RETRIES,
    FAILURES,
    ORPHANS_STOPPED,
)
