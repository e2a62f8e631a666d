"""What follows a failure: the step's retry policies, and the small budget for tries that were lost."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from airflow.sdk import RetryAction, RetryDecision
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowTaskTimeout, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType, JobUnreachable, StepFailure
from airflow_sm_pipelines.definition.model import RetryPolicy
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord, TryFacts
from airflow_sm_pipelines.jobs.retry import StepRetries
from airflow_sm_pipelines.jobs.retry_decision import MAX_RETRIES, RetryRules, TryEnd

FAULT, THROTTLED = ExceptionType.SERVICE_FAULT, ExceptionType.THROTTLING
DEATHS = 3
OF_AIRFLOW = AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR))


@dataclass
class Store:
    """Airflow's task_state_store of one task, which can be out of reach."""

    values: dict[str, Any] = field(default_factory=dict)
    is_away: bool = False

    def get(self, key: str) -> Any:
        if self.is_away:
            raise OF_AIRFLOW
        return self.values.get(key)

    def set(self, key: str, value: Any, **_: Any) -> None:
        self.values[key] = value

    @property
    def record(self) -> StepRecord:
        return StepRecord.from_json(self.values[STORE_KEY])


def policy(exception_type: ExceptionType, **members: Any) -> RetryPolicy:
    return RetryPolicy((exception_type.value,), **members)


def store_of(**changes: Any) -> Store:
    """The store of a step in its first try, which has a job."""
    retries = StepRetries.of_step((), DEATHS)
    facts = TryFacts("digest", max_tries=retries.upper_bound, try_number=1, now=time.time())
    record = replace(StepRecord.begin(None, facts), job_name="job", stop_target={"name": "job"})
    return Store({STORE_KEY: replace(record, **changes).to_json()})


def decide(
    store: Store, exception: BaseException, *policies: RetryPolicy, try_number: int = 1, cleared: int = 0
) -> RetryDecision:
    """The decision, for a task that was cleared after so many tries."""
    retries = StepRetries.of_step(policies, DEATHS)
    context = cast("Any", {"task_state_store": store})
    return retries.evaluate(exception, try_number, cleared + retries.upper_bound, context)


def max_tries(*policies: RetryPolicy) -> int:
    return StepRetries.of_step(policies, DEATHS).upper_bound


# What is left on record ------------------------------------------------------------------------------------------


def test_a_retry_says_how_the_try_ended() -> None:
    store = store_of(phase=Phase.FAILED, failures=1)
    assert decide(store, StepFailure("x", THROTTLED)).action is RetryAction.RETRY
    assert (store.record.phase, store.record.active_try, store.record.policy_retries) == (Phase.FAILED, None, {"0": 1})


def test_a_failure_for_good_closes_the_record() -> None:
    store = store_of(phase=Phase.FAILED, failures=1)
    assert decide(store, StepFailure("x")).action is RetryAction.FAIL
    assert (store.record.phase, store.record.given_up, store.record.active_try) == (Phase.FAILED, True, None)


@pytest.mark.parametrize(
    "exception",
    [
        StepFailure("no reply", FAULT, outcome_unknown=True),
        StepFailure("unreadable", outcome_unknown=True),
        StepFailure("the tries died"),
        AirflowTaskTimeout("over"),
        OSError("lost"),
    ],
    ids=["reply lost", "unreadable", "tries died", "timed out", "lost"],
)
def test_a_failure_for_good_while_the_job_may_run_leaves_it_to_be_looked_at(exception: BaseException) -> None:
    never = policy(FAULT, max_attempts=0)
    store = store_of(max_tries=max_tries(never), lost_tries=DEATHS)
    assert decide(store, exception, never).action is RetryAction.FAIL
    record = store.record
    assert (record.phase, record.given_up, record.active_try) == (Phase.SUBMITTING, True, None)
    assert record.stop_target == {"name": "job"}


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.CLOSED])
def test_a_try_that_is_lost_after_its_end_was_recorded_lets_the_next_look_again(phase: Phase) -> None:
    store = store_of(phase=phase, failures=1 if phase is Phase.FAILED else 0)
    assert decide(store, OSError("the answer could not be pushed")).action is RetryAction.RETRY
    record = store.record
    assert (record.phase, record.failures, record.lost_tries, record.active_try) == (Phase.SUBMITTING, 0, 1, None)


# Tries that were lost --------------------------------------------------------------------------------------------


def test_a_look_that_fails_is_a_lost_try_whatever_the_policies_say() -> None:
    policies = policy(FAULT, max_attempts=0), policy(THROTTLED, expire_after_minutes=1)
    store = store_of(max_tries=max_tries(*policies), started_at=time.time() - 3600)
    for deaths in range(1, DEATHS + 1):
        assert decide(store, JobUnreachable("x"), *policies).action is RetryAction.RETRY
        assert (store.record.lost_tries, store.record.policy_retries) == (deaths, {})
    assert decide(store, JobUnreachable("x"), *policies).action is RetryAction.FAIL
    assert store.record.given_up


@pytest.mark.parametrize("cleared", [0, 5])
@pytest.mark.parametrize("is_away", [False, True], ids=["no record", "no store"])
def test_without_a_record_the_tries_of_this_life_are_counted(cleared: int, is_away: bool) -> None:
    actions = [
        decide(Store(is_away=is_away), OF_AIRFLOW, try_number=cleared + number, cleared=cleared).action
        for number in range(1, DEATHS + 2)
    ]
    assert actions == [RetryAction.RETRY] * DEATHS + [RetryAction.FAIL]


def test_the_record_of_an_earlier_life_is_left_alone() -> None:
    store = store_of(lost_tries=DEATHS)
    before = dict(store.values)
    assert decide(store, OF_AIRFLOW, try_number=2, cleared=1).action is RetryAction.RETRY
    assert decide(store, StepFailure("no region"), try_number=2, cleared=1).action is RetryAction.FAIL
    assert store.values == before


def test_a_failure_of_the_step_before_its_record_is_for_good() -> None:
    assert decide(Store(), StepFailure("x", THROTTLED)).action is RetryAction.FAIL
    assert decide(Store(), AirflowTaskTimeout("x")).action is RetryAction.FAIL


# Counters and clocks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "retries"),
    [
        ({}, 5),
        ({"max_attempts": 20, "expire_after_minutes": 1}, 20),
        ({"expire_after_minutes": 0}, 0),
        # 1 + 2 + 4 + 8 + 16 s are in a minute, 32 s more are not.
        ({"expire_after_minutes": 1}, 5),
        ({"interval_seconds": 30, "backoff_rate": 1.0, "expire_after_minutes": 60}, 120),
        ({"interval_seconds": 1, "backoff_rate": 1.0, "expire_after_minutes": 14_400}, MAX_RETRIES),
        ({"interval_seconds": 8, "backoff_rate": 0.5, "expire_after_minutes": 1}, MAX_RETRIES),
    ],
)
def test_airflow_is_told_how_many_retries_there_can_be(members: dict[str, Any], retries: int) -> None:
    both = RetryPolicy((FAULT.value, THROTTLED.value), **members)
    assert StepRetries.of_step((both,), 0).upper_bound == retries
    assert StepRetries.of_step((both,), DEATHS).upper_bound == min(retries + DEATHS, MAX_RETRIES)


def test_a_policy_with_a_clock_ends_by_its_clock_alone() -> None:
    hourly = policy(FAULT, interval_seconds=30, backoff_rate=1.0, expire_after_minutes=60)
    used = {"policy_retries": {"0": 119}, "max_tries": max_tries(hourly)}
    failure = StepFailure("x", FAULT)
    assert decide(store_of(**used, started_at=time.time() - 3500), failure, hourly).action is RetryAction.RETRY
    assert decide(store_of(**used, started_at=time.time() - 3580), failure, hourly).action is RetryAction.FAIL


def test_a_clock_of_no_time_never_retries() -> None:
    never = policy(FAULT, interval_seconds=0, expire_after_minutes=0)
    store = store_of(max_tries=max_tries(never), started_at=time.time() + 60)
    assert decide(store, StepFailure("x", FAULT), never).action is RetryAction.FAIL


def test_the_pause_after_a_lost_try_is_the_dags() -> None:
    rules = RetryRules.of_step((), 2, 90.0)
    lost, _ = rules.decide(TryEnd.LOST, None, store_of().record, time.time())
    assert lost.delay == 90.0
    assert rules.before_record(TryEnd.LOST, 1).delay == 90.0
    # A policy's retry is none of a lost try.
    failed, _ = rules.decide(TryEnd.FAILED, ExceptionType.THROTTLING, store_of().record, time.time())
    assert failed.delay == 1.0
