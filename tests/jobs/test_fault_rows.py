"""The rows of the fault matrix (docs/fault-matrix.md) that are a question of logic, on the life of a job alone.

Each row is the one of tests/faults, with the same faults and the same expectations. What is tried there and not here is
whether Airflow calls in these ways: its scheduler and its API server are no part of a life.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, repeat
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import JobUnreachable, StepFailure
from airflow_sm_pipelines.definition.model import RetryPolicy
from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.jobs.retry_decision import RetryRules, TryEnd
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.jobs.stop import is_settled, stop
from airflow_sm_pipelines.step_types.stop_target import JobTarget, read_stop_target
from tests.faults.aws_faults import LONG, AwsRow
from tests.faults.aws_rows import AWS_ROWS
from tests.faults.cells import Row, Seen
from tests.faults.kill_rows import KILL_ROWS, KillRow, Phase, Victim
from tests.jobs.doubles import SETTINGS, Fault, Task, WorkerDied

CREATE, STOP = "CreateTrainingJob", "StopTrainingJob"
ANSWERS = {fault.value[0]: fault for fault in Fault}
DROPS = {"before": Fault.LOST_BEFORE, "after": Fault.LOST_AFTER}
SUCCESSES: Iterator[Mapping[str, Any]] = repeat({})
# Their deaths are a question of Airflow alone.
NOT_OF_A_LIFE = (Victim.SCHEDULER, Victim.API_SERVER)


class Playing:
    """Airflow and AWS around the one task of a row."""

    def __init__(self, policies: tuple[RetryPolicy, ...] = ()) -> None:
        self.rules = RetryRules.of_step(policies, SETTINGS.max_lost_tries)
        self.task = Task(try_number=0, max_tries=self.rules.upper_bound)
        self.delays: list[float] = []
        self.state = "scheduled"

    @property
    def record(self) -> StepRecord:
        return StepRecord.from_json(self.task.store.values[STORE_KEY])

    def next_try(self) -> JobLifecycle:
        self.task.try_number += 1
        self.state = "running"
        return self.task.begun()

    def submit(self) -> tuple[JobLifecycle, JobWait]:
        """A try that comes as far as the wait for its job."""
        life = self.next_try()
        wait = life.submit_or_adopt()
        assert isinstance(wait, JobWait)
        return life, wait

    def run(self, fates: Iterator[Mapping[str, Any] | None]) -> None:
        """Try until the step has ended. ``fates`` say how its jobs end, or that one has not; a worker dies once."""
        while self.state not in ("success", "failed"):
            try:
                life = self.next_try()
                outcome = life.submit_or_adopt()
                if not isinstance(outcome, Finished):
                    assert isinstance(outcome, JobWait)
                    self.end_job(next(fates))
                    life.wait(outcome)
                self.state = "success"
            except WorkerDied:
                continue
            except StepFailure as failure:
                self.decide(failure)
        self.sweep()

    def end_job(self, fate: Mapping[str, Any] | None) -> None:
        if fate is not None:
            self.task.aws.end(fate.get("outcome", "Completed"), fate.get("failure_reason", ""))

    def decide(self, failure: StepFailure) -> None:
        end = TryEnd.LOST if isinstance(failure, JobUnreachable) else TryEnd.FAILED
        decision, record = self.rules.decide(end, failure.exception_type, self.record, self.task.clock.now)
        self.task.store.set(STORE_KEY, record.to_json())
        if decision.delay is None or self.task.try_number > self.task.max_tries:
            self.state = "failed"
        else:
            self.delays.append(decision.delay)
            self.task.clock.sleep(decision.delay)

    def mark_failed(self, life: JobLifecycle | None) -> None:
        """A user does; ``life`` is the try that hears of it."""
        self.state = "failed"
        if life is not None and on_kill_verdict(self.state, AskedBy.WORKER, timed_out=False) is Verdict.STOP:
            life.kill()

    def clear(self) -> None:
        """A user does, before Airflow 3.4, while nobody waits who hears of it."""
        self.task.max_tries = self.task.try_number + self.rules.upper_bound
        self.state = "scheduled"

    def sweep(self) -> None:
        """What the triggerer does until nothing is left; a job that was asked to stop stops."""
        for _ in range(12):
            self.task.aws.settle()
            record = self.record
            if record.may_have_job and on_kill_verdict(self.state, AskedBy.SWEEP, timed_out=False) is Verdict.STOP:
                target = read_stop_target(record.stop_target)
                assert isinstance(target, JobTarget)
                try:
                    outcome = stop(target, self.task.aws, ask_first=True).outcome
                except (ClientError, BotoCoreError):
                    continue
                if is_settled(target, outcome):
                    self.task.store.set(STORE_KEY, record.closed().to_json())

    @property
    def seen(self) -> Seen:
        jobs = self.task.aws.jobs.values()
        return Seen(
            attempts=len({name for called, name in self.task.aws.calls if called == CREATE}),
            jobs=len(jobs),
            state=self.state,
            stopped=sum(job.status == "Stopped" for job in jobs),
            orphans=sum(job.is_running for job in jobs),
            delays=tuple(self.delays),
            calls=self.task.aws.count(CREATE),
        )


def policy_of(written: Mapping[str, Any]) -> RetryPolicy:
    return RetryPolicy(
        tuple(written["ExceptionType"]),
        interval_seconds=written["IntervalSeconds"],
        backoff_rate=written["BackoffRate"],
        max_attempts=written["MaxAttempts"],
    )


def fates_of(row: AwsRow) -> Iterator[Mapping[str, Any] | None]:
    """How the jobs of a row end, one after the other; one that takes hours has not, where that is the fault."""
    if row.jobs == LONG and row.expected.state == "failed":
        return iter([None])
    for rule in row.jobs:
        if "times" in rule:
            return chain([rule] * rule["times"], SUCCESSES)
        return repeat(rule)
    return SUCCESSES


def fault_of(rule: Mapping[str, Any]) -> Fault | None:
    """None for a call that only takes long: no clock runs meanwhile."""
    if "delay" in rule:
        return None
    return DROPS[rule["drop"]] if "drop" in rule else ANSWERS[rule["error"]["code"]]


def ids(row: Row) -> str:
    return row.key


@pytest.mark.parametrize("row", AWS_ROWS, ids=ids)
def test_a_fault_of_aws(row: AwsRow) -> None:
    playing = Playing(tuple(map(policy_of, row.policies)))
    faults = playing.task.aws.faults
    for rule in row.faults:
        faults.plan(rule["action"], *[fault_of(rule)] * rule["times"])
    if row.killed:
        life, _ = playing.submit()
        playing.mark_failed(life)
        playing.sweep()
    else:
        playing.run(fates_of(row))
    assert playing.seen.faults(row.expected) == []


@pytest.mark.parametrize("row", [row for row in KILL_ROWS if row.victim not in NOT_OF_A_LIFE], ids=ids)
def test_a_death(row: KillRow) -> None:
    playing = Playing()
    DEATHS[row.phase](playing, row.victim)
    if playing.state == "failed":
        playing.sweep()
    else:
        playing.run(SUCCESSES)
    assert playing.seen.faults(row.expected) == []


def worker_dies_at(operation: str, fault: Fault) -> Any:
    """Whoever dies but the worker is not missed: no trigger waits yet."""

    def die(playing: Playing, victim: Victim) -> None:
        if victim in (Victim.WORKER, Victim.SCHEDULER_HOST):
            faults = playing.task.store.faults if operation == "set" else playing.task.aws.faults
            faults.plan(operation, fault)

    return die


def dies_while_the_job_runs(playing: Playing, victim: Victim) -> None:
    life, _ = playing.submit()
    if victim is Victim.RESTARTED_WORKER:
        for _ in range(4):
            assert on_kill_verdict("running", AskedBy.WORKER, timed_out=False) is Verdict.LEAVE_TO_NEXT_TRY
            life.run.record_interruption()
            life, _ = playing.submit()
    elif victim is Victim.HUNG_TRIGGERER:
        # Airflow kills its trigger when it comes to: the task is deferred, and another one's.
        assert on_kill_verdict("deferred", AskedBy.TRIGGER, timed_out=False) is Verdict.LEAVE


def dies_before_the_result(playing: Playing, victim: Victim) -> None:
    life, wait = playing.submit()
    playing.task.aws.end()
    if victim is not Victim.TRIGGERER:
        playing.task.store.faults.plan("set", Fault.DEATH_BEFORE)
        with pytest.raises(WorkerDied):
            life.wait(wait)


def dies_while_the_job_is_stopped(playing: Playing, victim: Victim) -> None:
    life, _ = playing.submit()
    playing.task.aws.faults.plan(STOP, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        playing.mark_failed(life)


def dies_before_the_step_is_marked(playing: Playing, victim: Victim) -> None:
    playing.submit()
    playing.mark_failed(None)


def dies_before_the_step_is_cleared(playing: Playing, victim: Victim) -> None:
    playing.submit()
    if victim is Victim.TRIGGERER:
        playing.clear()
    # Else Airflow takes it for a retry.


DEATHS = {
    Phase.BEFORE_INTENT: worker_dies_at("set", Fault.DEATH_BEFORE),
    Phase.BEFORE_CREATE: worker_dies_at(CREATE, Fault.DEATH_BEFORE),
    Phase.REPLY_LOST: worker_dies_at(CREATE, Fault.DEATH_AFTER),
    Phase.RUNNING: dies_while_the_job_runs,
    Phase.COMPLETED: dies_before_the_result,
    Phase.STOPPING: dies_while_the_job_is_stopped,
    Phase.MARKED_FAILED: dies_before_the_step_is_marked,
    Phase.CLEARED: dies_before_the_step_is_cleared,
}
