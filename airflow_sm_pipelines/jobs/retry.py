"""A step's RetryPolicies as an Airflow RetryPolicy: Airflow asks, the record is kept (docs/architecture.md, 5)."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout
from airflow.sdk.execution_time.context import NEVER_EXPIRE
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import JobUnreachable, StepFailure
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.jobs.retry_decision import LOST_TRY_DELAY_SECONDS, RetryRules, TryEnd
from airflow_sm_pipelines.observing.metrics import FAILURES, LOST, RETRIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.definition.model import RetryPolicy as StepRetryPolicy
    from airflow_sm_pipelines.jobs.retry_decision import Decision

log = logging.getLogger(__name__)


class StepRetries(RetryPolicy):
    """Asks the step's policies, in their order, for the one that names the failure's type.

    Each policy has its own counter (kept in the step's record) and its own clock from the step's start; what no
    policy names fails at once. The death of a worker is no exception and never comes here; what is no failure of the
    step at all (a trigger that could not be loaded, a lost connection to Airflow, a job that cannot be described) is
    counted with the deaths.
    """

    def __init__(self, rules: RetryRules) -> None:
        self.rules = rules

    @staticmethod
    def of_step(
        policies: Sequence[StepRetryPolicy] | None,
        max_lost_tries: int,
        lost_try_delay: float = LOST_TRY_DELAY_SECONDS,
    ) -> StepRetries:
        """The policies of a step, how many of its tries may be lost, and the pause in seconds after one that was."""
        return _of_step(tuple(policies or ()), max_lost_tries, lost_try_delay)

    @cached_property
    def upper_bound(self) -> int:
        """Airflow's ``retries``."""
        return self.rules.upper_bound

    @override
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Context | None = None
    ) -> RetryDecision:
        """Retry when a policy grants it, else fail; an error in here fails the step rather than retry it blindly."""
        try:
            decision = self._decide(exception, try_number, max_tries, context)
            (FAILURES if decision.delay is None else RETRIES).add(exception_type=_type_for_metrics(exception))
            return _as_airflow_has_it(decision)
        except Exception as error:
            # Airflow would take an exception that leaves here for a plain retry.
            log.exception("The retry policies could not be evaluated")
            return RetryDecision.fail(f"the retry policies could not be evaluated: {error}")

    def _decide(self, exception: BaseException, try_number: int, max_tries: int, context: Context | None) -> Decision:
        end = _end_of(exception)
        store = context.get("task_state_store") if context is not None else None
        record = None if store is None else _stored(store)
        # Airflow raises max_tries when a user clears a task: a record with another one is that of an earlier life.
        if store is None or record is None or record.max_tries != max_tries:
            return self.rules.before_record(end, try_number - (max_tries - self.upper_bound))
        exception_type = exception.exception_type if isinstance(exception, StepFailure) else None
        decision, record = self.rules.decide(end, exception_type, record, time.time())
        store.set(STORE_KEY, record.to_json(), retention=NEVER_EXPIRE)
        return decision


@lru_cache(maxsize=1024)
def _of_step(policies: tuple[StepRetryPolicy, ...], max_lost_tries: int, lost_try_delay: float) -> StepRetries:
    """One object for all steps with the same policies: most pipelines have one or two kinds."""
    return StepRetries(RetryRules.of_step(policies, max_lost_tries, lost_try_delay))


def _end_of(exception: BaseException) -> TryEnd:
    if isinstance(exception, AirflowTaskTimeout):
        return TryEnd.TIMED_OUT
    if isinstance(exception, StepFailure) and not isinstance(exception, JobUnreachable):
        return TryEnd.FAILED
    return TryEnd.LOST


def _type_for_metrics(exception: BaseException) -> str:
    if _end_of(exception) is TryEnd.LOST:
        return LOST
    known = exception.exception_type if isinstance(exception, StepFailure) else None
    return "none" if known is None else known.value


def _as_airflow_has_it(decision: Decision) -> RetryDecision:
    if decision.delay is None:
        return RetryDecision.fail(decision.reason)
    return RetryDecision.retry(timedelta(seconds=decision.delay), decision.reason)


def _stored(store: Any) -> StepRecord | None:
    """The record, or None where there is none and where Airflow does not say."""
    try:
        stored = store.get(STORE_KEY)
    except AirflowRuntimeError as error:
        log.warning("The step's record could not be read: %s", error)
        return None
    return None if stored is None else StepRecord.from_json(stored)
