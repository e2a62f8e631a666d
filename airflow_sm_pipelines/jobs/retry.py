"""A step's RetryPolicies as an Airflow RetryPolicy (semantics 7, 14.11; invariant 5 of the design)."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryAction, RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout
from airflow.sdk.execution_time.context import NEVER_EXPIRE
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import SYNONYMS, ExceptionType, SightLost, StepFailure
from airflow_sm_pipelines.definition.model import RetryPolicy as StepRetryPolicy
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

log = logging.getLogger(__name__)

DEFAULT_INTERVAL_SECONDS = 1
DEFAULT_BACKOFF_RATE = 2.0
DEFAULT_MAX_ATTEMPTS = 5
LONGEST_DELAY_SECONDS = 43_200
# Airflow wants a count of a step's retries, also where only a clock bounds them.
MOST_RETRIES = 1000
LOST_TRY_DELAY = timedelta(seconds=10)

# What the service does on every step without a policy for these types.
SERVICE_DEFAULT = StepRetryPolicy((ExceptionType.SERVICE_FAULT.value, ExceptionType.THROTTLING.value))


class StepRetries(RetryPolicy):
    """Asks the step's policies, in their order, for the one that names the failure's type.

    Each policy has its own counter (kept in the step's record) and its own clock from the step's start; what no
    policy names fails at once. The death of a worker is no exception and never comes here; what is no failure of the
    step at all (a trigger that could not be loaded, a lost connection to Airflow, a job that cannot be looked at) is
    counted with the deaths.

    ``worker_deaths`` is how many tries may be lost in these ways.
    """

    def __init__(self, policies: tuple[StepRetryPolicy, ...], worker_deaths: int) -> None:
        self.policies = policies
        self.worker_deaths = worker_deaths

    @classmethod
    def of_step(cls, policies: Sequence[StepRetryPolicy] | None, worker_deaths: int) -> StepRetries:
        """The policies of a step, and the service's default for the Step.* types that they do not name."""
        own = tuple(policies or ())
        named = {SYNONYMS.get(name, name) for policy in own for name in policy.exception_types}
        missing = tuple(name for name in SERVICE_DEFAULT.exception_types if name not in named)
        return cls((*own, StepRetryPolicy(missing)) if missing else own, worker_deaths)

    @property
    def upper_bound(self) -> int:
        """Airflow's ``retries``: no more than this many tries can follow the first one."""
        return min(sum(_most_retries(policy) for policy in self.policies) + self.worker_deaths, MOST_RETRIES)

    @override
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Retry when a policy grants it, else fail; an error in here fails the step rather than retry it blindly."""
        try:
            return self._decide(exception, try_number, max_tries, context)
        except Exception as error:
            # Airflow would take an exception that leaves here for a plain retry.
            log.exception("The retry policies could not be evaluated")
            return RetryDecision.fail(f"the retry policies could not be evaluated: {error}")

    def _decide(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None
    ) -> RetryDecision:
        store = context.get("task_state_store") if context is not None else None
        record = None if store is None else _stored(store)
        failure = _failure_of_step(exception)
        # Airflow raises max_tries when a user clears a task: a record with another one is that of an earlier life.
        if store is None or record is None or record.max_tries != max_tries:
            if failure is not None or isinstance(exception, AirflowTaskTimeout):
                return RetryDecision.fail("the step failed before its record was written")
            return self._of_lost_tries(try_number - (max_tries - self.upper_bound))
        if failure is not None:
            decision, record = self._of_failure(failure.exception_type, record)
        elif isinstance(exception, AirflowTaskTimeout):
            decision = RetryDecision.fail("the execution_timeout is over")
        else:
            decision, record = self._of_lost_try(record)
        # A try that ends here has said how it ended.
        record = replace(record, open_try=None)
        if decision.action is RetryAction.FAIL:
            record = record.closed()
        store.set(STORE_KEY, record.to_json(), retention=NEVER_EXPIRE)
        return decision

    def _of_failure(self, exception_type: ExceptionType | None, record: StepRecord) -> tuple[RetryDecision, StepRecord]:
        position, policy = self._policy_naming(exception_type)
        if exception_type is None or policy is None:
            return RetryDecision.fail("no retry policy names this failure"), record
        used = record.policy_retries.get(str(position), 0)
        delay = _delay(policy, used)
        if reason := _exhausted(policy, used, elapsed=time.time() - record.started_at, delay=delay):
            return RetryDecision.fail(reason), record
        counters = {**record.policy_retries, str(position): used + 1}
        reason = f"{exception_type.value}: retry {used + 1} in {delay:g} s"
        return RetryDecision.retry(timedelta(seconds=delay), reason), replace(record, policy_retries=counters)

    def _of_lost_try(self, record: StepRecord) -> tuple[RetryDecision, StepRecord]:
        lost = record.worker_deaths + 1
        # An end that was put on record before the try was lost is for the next one to find.
        return self._of_lost_tries(lost), replace(record.reopened(), worker_deaths=lost)

    def _of_lost_tries(self, lost: int) -> RetryDecision:
        if lost > self.worker_deaths:
            return RetryDecision.fail(f"{lost} tries were lost by no failure of the step")
        return RetryDecision.retry(LOST_TRY_DELAY, "this try was lost by no failure of the step")

    def _policy_naming(self, exception_type: ExceptionType | None) -> tuple[int, StepRetryPolicy | None]:
        for position, policy in enumerate(self.policies):
            if exception_type and exception_type.value in {SYNONYMS.get(n, n) for n in policy.exception_types}:
                return position, policy
        return -1, None


def _failure_of_step(exception: BaseException) -> StepFailure | None:
    return exception if isinstance(exception, StepFailure) and not isinstance(exception, SightLost) else None


def _stored(store: Any) -> StepRecord | None:
    """The record, or None where there is none and where Airflow does not say."""
    try:
        stored = store.get(STORE_KEY)
    except AirflowRuntimeError as error:
        log.warning("The step's record could not be read: %s", error)
        return None
    return None if stored is None else StepRecord.from_json(stored)


def _most_retries(policy: StepRetryPolicy) -> int:
    if policy.max_attempts is not None:
        return policy.max_attempts
    if policy.expire_after_minutes is not None:
        return _delays_within(policy, policy.expire_after_minutes * 60)
    return DEFAULT_MAX_ATTEMPTS


def _delays_within(policy: StepRetryPolicy, seconds: float) -> int:
    """How many retries fit into a policy's time, if nothing but their delays took any."""
    if not seconds:
        return 0
    count, elapsed = 0, _delay(policy, 0)
    while elapsed <= seconds and count < MOST_RETRIES:
        count += 1
        elapsed += _delay(policy, count)
    return count


def _delay(policy: StepRetryPolicy, used: int) -> float:
    interval = DEFAULT_INTERVAL_SECONDS if policy.interval_seconds is None else policy.interval_seconds
    rate = DEFAULT_BACKOFF_RATE if policy.backoff_rate is None else policy.backoff_rate
    try:
        return min(float(interval * rate**used), LONGEST_DELAY_SECONDS)
    except OverflowError:
        return LONGEST_DELAY_SECONDS


def _exhausted(policy: StepRetryPolicy, used: int, *, elapsed: float, delay: float) -> str:
    """Why a policy grants no further retry, or an empty text; with both limits, whichever ends first."""
    minutes = policy.expire_after_minutes
    ends_by_count = minutes is None or policy.max_attempts is not None
    if ends_by_count and used >= _most_retries(policy):
        return f"the retry policy allows {_most_retries(policy)} retries, and all are used"
    if minutes is not None and (not minutes or elapsed + delay > minutes * 60):
        return f"the retry policy expired {minutes:g} min after the step's start"
    return ""
