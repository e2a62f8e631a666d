"""What follows the end of a try: a step's RetryPolicies, and the budget for lost tries (semantics 7, 14.11).

No Airflow: :mod:`airflow_sm_pipelines.jobs.retry` asks in Airflow's name.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.aws.failures import SYNONYMS, ExceptionType
from airflow_sm_pipelines.definition.model import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_sm_pipelines.jobs.record import StepRecord

DEFAULT_INTERVAL_SECONDS = 1
DEFAULT_BACKOFF_RATE = 2.0
DEFAULT_MAX_ATTEMPTS = 5
MAX_DELAY_SECONDS = 43_200
# Airflow wants a count of a step's retries, also where only a clock bounds them.
MAX_RETRIES = 1000
LOST_TRY_DELAY_SECONDS = 10.0

# What the service does on every step without a policy for these types.
SERVICE_DEFAULT = RetryPolicy((ExceptionType.SERVICE_FAULT.value, ExceptionType.THROTTLING.value))


class TryEnd(Enum):
    """How a try ended without success."""

    FAILED = "failed"
    """The step failed: its retry policies are asked."""
    TIMED_OUT = "timed out"
    """The task's execution_timeout is over: that is final."""
    LOST = "lost"
    """No failure of the step: a lost connection to Airflow, a trigger that could not be loaded, a job out of reach."""


class Decision(Struct, frozen=True):
    """What follows: another try after ``delay`` seconds, or none where that is None. ``reason`` is for the log."""

    delay: float | None
    reason: str


class RetryRules(Struct, frozen=True):
    """A step's policies, how many of its tries may be lost, and how many seconds pass after one that was."""

    policies: tuple[RetryPolicy, ...]
    max_lost_tries: int
    lost_try_delay: float = LOST_TRY_DELAY_SECONDS

    @classmethod
    def of_step(
        cls,
        policies: Sequence[RetryPolicy] | None,
        max_lost_tries: int,
        lost_try_delay: float = LOST_TRY_DELAY_SECONDS,
    ) -> RetryRules:
        """The policies of a step, and the service's default for the Step.* types that they do not name."""
        own = tuple(policies or ())
        named = {SYNONYMS.get(name, name) for policy in own for name in policy.exception_types}
        missing = tuple(name for name in SERVICE_DEFAULT.exception_types if name not in named)
        return cls((*own, RetryPolicy(missing)) if missing else own, max_lost_tries, lost_try_delay)

    @property
    def upper_bound(self) -> int:
        """Airflow's ``retries``: no more than this many tries can follow the first one."""
        return min(sum(_max_retries(policy) for policy in self.policies) + self.max_lost_tries, MAX_RETRIES)

    def decide(
        self, end: TryEnd, exception_type: ExceptionType | None, record: StepRecord, now: float
    ) -> tuple[Decision, StepRecord]:
        """What follows a try, and the record with what was decided; ``now`` is in epoch seconds."""
        if end is TryEnd.LOST:
            # If the end was recorded before the try was lost, the next try re-examines the job.
            record = record.try_lost()
            decision = self.after_lost_tries(record.lost_tries)
        elif end is TryEnd.TIMED_OUT:
            decision = Decision(None, "the execution_timeout is over")
        else:
            decision, record = self._of_failure(exception_type, record, now)
        # Whoever decides for a try knows how it ended: it is active no more.
        record = record.interrupted()
        return decision, (record.failed_for_good() if decision.delay is None else record)

    def before_record(self, end: TryEnd, tries_before: int) -> Decision:
        """What follows a try of which there is no record; ``tries_before`` counts those before and this one."""
        if end is not TryEnd.LOST:
            return Decision(None, "the step failed before its record was written")
        return self.after_lost_tries(tries_before)

    def after_lost_tries(self, lost: int) -> Decision:
        if lost > self.max_lost_tries:
            return Decision(None, f"{lost} tries were lost by no failure of the step")
        return Decision(self.lost_try_delay, "this try was lost by no failure of the step")

    def _of_failure(
        self, exception_type: ExceptionType | None, record: StepRecord, now: float
    ) -> tuple[Decision, StepRecord]:
        position, policy = self._policy_naming(exception_type)
        if exception_type is None or policy is None:
            return Decision(None, "no retry policy names this failure"), record
        used = record.policy_retries.get(str(position), 0)
        delay = _delay(policy, used)
        if reason := _exhausted(policy, used, elapsed=now - record.started_at, delay=delay):
            return Decision(None, reason), record
        reason = f"{exception_type.value}: retry {used + 1} in {delay:g} s"
        return Decision(delay, reason), record.retried_by(position)

    def _policy_naming(self, exception_type: ExceptionType | None) -> tuple[int, RetryPolicy | None]:
        for position, policy in enumerate(self.policies):
            if exception_type and exception_type.value in {SYNONYMS.get(n, n) for n in policy.exception_types}:
                return position, policy
        return -1, None


def _max_retries(policy: RetryPolicy) -> int:
    if not policy.exception_types:
        return 0
    if policy.max_attempts is not None:
        return policy.max_attempts
    if policy.expire_after_minutes is not None:
        return _delays_within(policy, policy.expire_after_minutes * 60)
    return DEFAULT_MAX_ATTEMPTS


def _delays_within(policy: RetryPolicy, seconds: float) -> int:
    """How many retries fit into a policy's time, if nothing but their delays took any."""
    if not seconds:
        return 0
    count, elapsed = 0, _delay(policy, 0)
    while elapsed <= seconds and count < MAX_RETRIES:
        count += 1
        elapsed += _delay(policy, count)
    return count


def _delay(policy: RetryPolicy, used: int) -> float:
    interval = DEFAULT_INTERVAL_SECONDS if policy.interval_seconds is None else policy.interval_seconds
    rate = DEFAULT_BACKOFF_RATE if policy.backoff_rate is None else policy.backoff_rate
    try:
        return min(float(interval * rate**used), MAX_DELAY_SECONDS)
    except OverflowError:
        return MAX_DELAY_SECONDS


def _exhausted(policy: RetryPolicy, used: int, *, elapsed: float, delay: float) -> str:
    """Why a policy grants no further retry, or an empty text; with both limits, whichever ends first."""
    minutes = policy.expire_after_minutes
    ends_by_count = minutes is None or policy.max_attempts is not None
    if ends_by_count and used >= _max_retries(policy):
        return f"the retry policy allows {_max_retries(policy)} retries, and all are used"
    if minutes is not None and (not minutes or elapsed + delay > minutes * 60):
        return f"the retry policy expired {minutes:g} min after the step's start"
    return ""
