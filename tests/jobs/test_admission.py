"""When a step makes its Create call: at its permit, and again where AWS has throttled it. No policy counts that."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

import pytest
from msgspec.structs import replace

from airflow_sm_pipelines.aws.failures import ExceptionType, StepFailure
from airflow_sm_pipelines.jobs.admission import Admission, Held, Pause
from airflow_sm_pipelines.jobs.job_run import StepJobRun
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
from airflow_sm_pipelines.jobs.observers import JobEnd, JobObserver, NoCache
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.jobs.step_run import StepKilled
from airflow_sm_pipelines.pace.asking import PacedCall, PaceMessage
from airflow_sm_pipelines.pace.queue import Answer
from tests.documentation.blocks import DOCS, blocks_of
from tests.jobs.doubles import SETTINGS, FakeAws, Fault, Task, WorkerDied

CREATE, DESCRIBE = "CreateTrainingJob", "DescribeTrainingJob"
ROLE = "arn:aws:iam::123456789012:role/R"
NOW = Answer(True, 0.0, permit=7.0)


class AwsSomewhere(FakeAws):
    region = "eu-west-1"


@dataclass
class Desk:
    """Gives these answers, one after the other, and then permits."""

    answers: list[Answer | None] = field(default_factory=list)
    asked: list[tuple[PaceMessage, float]] = field(default_factory=list)
    calls: set[PacedCall] = field(default_factory=set)

    def say(self, message: PaceMessage, call: PacedCall, permit: float = 0.0) -> Answer | None:
        self.asked.append((message, permit))
        self.calls.add(call)
        return self.answers.pop(0) if self.answers else NOW


@pytest.fixture
def task() -> Task:
    settings = replace(SETTINGS, throttle_patience=900.0, pace=(f"{CREATE}=1",))
    made = Task(aws=AwsSomewhere(), settings=settings)
    made.step = replace(made.step, arguments={"RoleArn": ROLE})
    return made


def begun(task: Task, desk: Desk, held: Held | None = None, *, may_pause: bool = True) -> JobLifecycle:
    """A try in a process of its own, after a pause where it has ``held`` something."""

    def admission(run: StepJobRun) -> Admission:
        return Admission.of_job(run, desk, may_pause=may_pause, jitter=lambda _, most: most)

    life = task.begun(admission=admission)
    life.admission.held = held or Held()
    return life


def record(task: Task) -> StepRecord:
    return StepRecord.from_json(task.store.values[STORE_KEY])


def paused(life: JobLifecycle) -> Pause:
    outcome = life.submit_or_adopt()
    assert isinstance(outcome, Pause)
    return outcome


def test_a_permit_at_once(task: Task) -> None:
    desk = Desk()
    assert isinstance(begun(task, desk).submit_or_adopt(), JobWait)
    assert desk.asked == [(PaceMessage.ASK, 0.0)]
    assert desk.calls == {PacedCall(CREATE, "123456789012", "eu-west-1")}


def test_a_short_wait_is_waited_for_before_anything_is_on_record(task: Task) -> None:
    started = task.clock.now
    assert isinstance(begun(task, Desk([Answer(True, 4.0, 7.0)])).submit_or_adopt(), JobWait)
    assert task.clock.now == started + 4.0


def test_a_long_wait_is_a_pause_that_leaves_no_record_and_no_job(task: Task) -> None:
    desk, started = Desk([Answer(False, 30.0)]), task.clock.now
    pause = paused(begun(task, desk))
    assert pause == Pause(started + 30.0, Held(again=True))
    assert (task.store.values, task.aws.jobs) == ({}, {})
    life = begun(task, desk, Held.from_json(pause.held.to_json()))
    assert isinstance(life.submit_or_adopt(), JobWait)
    assert [message for message, _ in desk.asked] == [PaceMessage.ASK, PaceMessage.ASK_AGAIN]
    assert (record(task).attempt, record(task).lost_tries, len(task.aws.jobs)) == (1, 0, 1)


def test_a_pause_is_no_shorter_than_a_deferred_task_has_to_be_away(task: Task) -> None:
    started = task.clock.now
    assert paused(begun(task, Desk([Answer(False, 6.0)]))).until == started + 20.0
    assert paused(begun(task, Desk([Answer(False, 40.0)]))).until == started + 40.0
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    assert paused(begun(task, Desk([NOW, Answer(False, 6.0)]))).until == started + 20.0


def test_the_log_says_what_the_page_shows(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    paused(begun(task, Desk([Answer(False, 41.0)])))
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    begun(task, Desk([NOW, Answer(True, 2.0, 8.0)])).submit_or_adopt()
    page = DOCS / "pace.md"
    shown = [block.text.strip() for block in blocks_of(page) if block.language == "text"]
    assert [line for line in shown if line not in caplog.messages] == []


def test_a_pause_in_a_later_attempt_goes_on_with_that_attempt(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.LIMIT)
    with pytest.raises(StepFailure):
        begun(task, Desk()).submit_or_adopt()
    task.store.values[STORE_KEY] = record(task).retried_by(0).to_json()
    task.try_number = 2
    desk = Desk([Answer(False, 30.0)])
    pause = paused(begun(task, desk))
    assert isinstance(begun(task, desk, pause.held).submit_or_adopt(), JobWait)
    kept = record(task)
    assert (kept.attempt, kept.failures, kept.lost_tries, kept.policy_retries) == (2, 1, 0, {"0": 1})


def test_where_a_worker_may_be_held_a_long_wait_is_waited_for(task: Task) -> None:
    desk, started = Desk([Answer(False, 30.0), Answer(False, 6.0)]), task.clock.now
    assert isinstance(begun(task, desk, may_pause=False).submit_or_adopt(), JobWait)
    assert task.clock.now == started + 36.0
    assert [message for message, _ in desk.asked] == [PaceMessage.ASK, PaceMessage.ASK_AGAIN, PaceMessage.ASK_AGAIN]


def test_who_is_killed_while_waiting_makes_no_call(task: Task) -> None:
    life = begun(task, Desk([Answer(True, 4.0)]))
    sleep = task.clock.sleep

    def kill(seconds: float) -> None:
        sleep(seconds)
        life.kill()

    task.clock.sleep = kill  # type: ignore[method-assign] # the moment of the kill
    with pytest.raises(StepKilled):
        life.submit_or_adopt()
    assert (task.aws.count(CREATE), task.store.values) == (0, {})


def test_without_a_door_there_is_no_pace(task: Task) -> None:
    assert isinstance(begun(task, Desk([None])).submit_or_adopt(), JobWait)


@pytest.mark.parametrize("pace", [(), ("CreateProcessingJob=1",)])
def test_a_call_without_a_pace_asks_nobody(task: Task, pace: tuple[str, ...]) -> None:
    task.settings = replace(task.settings, pace=pace)
    desk = Desk()
    assert isinstance(begun(task, desk).submit_or_adopt(), JobWait)
    assert desk.asked == []


# Throttled --------------------------------------------------------------------------------------------------------


def test_a_throttled_call_goes_back_to_the_pace_and_is_made_again_under_its_name(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED, Fault.THROTTLED)
    desk = Desk([NOW, Answer(True, 1.5, 9.0), Answer(True, 2.0, 11.0)])
    life = begun(task, desk)
    assert isinstance(life.submit_or_adopt(), JobWait)
    assert desk.asked == [(PaceMessage.ASK, 0.0), (PaceMessage.THROTTLED, 7.0), (PaceMessage.THROTTLED, 9.0)]
    assert [name for called, name in task.aws.calls if called == CREATE] == [life.run.record.job_name] * 3
    assert (record(task).failures, record(task).policy_retries) == (0, {})


def test_a_long_wait_after_a_throttle_is_a_pause_and_the_attempt_goes_on(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    desk, started = Desk([NOW, Answer(False, 20.0)]), task.clock.now
    life = begun(task, desk)
    pause = paused(life)
    assert pause.held == Held(again=True, throttles=1, throttled_since=started)
    kept = record(task)
    assert (kept.phase, kept.job_name) == (Phase.SUBMITTING, life.run.record.job_name)
    task.clock.now = pause.until
    assert isinstance(begun(task, desk, pause.held).submit_or_adopt(), JobWait)
    assert list(task.aws.jobs) == [kept.job_name]
    assert (record(task).attempt, record(task).lost_tries) == (1, 0)


def test_a_task_that_is_killed_in_that_pause_leaves_nothing_that_blocks(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    paused(begun(task, Desk([NOW, Answer(False, 20.0)])))
    first = record(task).job_name
    task.max_tries += 1  # a user clears it
    task.try_number = 2
    assert isinstance(begun(task, Desk()).submit_or_adopt(), JobWait)
    assert record(task).job_name != first
    assert list(task.aws.jobs) == [record(task).job_name]


def test_without_a_pace_the_pauses_double(task: Task) -> None:
    task.settings = replace(task.settings, pace=())
    task.aws.faults.plan(CREATE, *[Fault.THROTTLED] * 6)
    started, life = task.clock.now, begun(task, Desk(), may_pause=False)
    assert isinstance(life.submit_or_adopt(), JobWait)
    assert task.clock.now == started + 2 + 4 + 8 + 16 + 32 + 60


def test_when_the_patience_is_over_a_policy_counts(task: Task) -> None:
    task.settings = replace(task.settings, pace=(), throttle_patience=10.0)
    task.aws.faults.plan(CREATE, *[Fault.THROTTLED] * 9)
    with pytest.raises(StepFailure) as failed:
        begun(task, Desk(), may_pause=False).submit_or_adopt()
    assert (failed.value.exception_type, task.aws.count(CREATE)) == (ExceptionType.THROTTLING, 3)
    assert (record(task).phase, record(task).failures) == (Phase.FAILED, 1)


def test_the_patience_goes_on_over_a_pause(task: Task) -> None:
    task.settings = replace(task.settings, pace=(), throttle_patience=100.0)
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    held = Held(again=True, throttles=5, throttled_since=task.clock.now - 90.0)
    with pytest.raises(StepFailure):
        begun(task, Desk(), held).submit_or_adopt()


def test_a_patience_of_days_has_room_for_thousands_of_throttles(task: Task) -> None:
    task.settings = replace(task.settings, pace=(), throttle_patience=1e6)
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    held = Held(again=True, throttles=5000, throttled_since=task.clock.now - 1000.0)
    assert paused(begun(task, Desk(), held)).until == task.clock.now + 60.0


def test_a_long_line_of_our_own_steps_costs_no_patience(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED, Fault.THROTTLED)
    pauses = [Answer(False, 2000.0), Answer(False, 3000.0)]
    held, started = Held(), task.clock.now
    for answer in pauses:
        pause = paused(begun(task, Desk([NOW, answer]), held))
        assert pause.until == task.clock.now + answer.wait
        task.clock.now, held = pause.until, Held.from_json(pause.held.to_json())
    assert isinstance(begun(task, Desk(), held).submit_or_adopt(), JobWait)
    assert task.clock.now == started + 5000.0
    assert (record(task).attempt, record(task).failures, len(task.aws.jobs)) == (1, 0, 1)


def test_a_line_before_the_first_throttle_costs_no_patience(task: Task) -> None:
    pause = paused(begun(task, Desk([Answer(False, 2000.0)])))
    task.clock.now = pause.until
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    assert paused(begun(task, Desk([NOW, Answer(False, 20.0)]), pause.held)).held.throttles == 1


def test_a_call_that_aws_never_takes_ends_however_long_the_line_is(task: Task) -> None:
    task.aws.faults.plan(CREATE, *[Fault.THROTTLED] * 100)
    held = Held()
    for _ in range(15):
        pause = paused(begun(task, Desk([NOW, Answer(False, 2000.0)]), held))
        task.clock.now, held = pause.until, pause.held
    with pytest.raises(StepFailure) as failed:
        begun(task, Desk([NOW, Answer(False, 2000.0)]), held).submit_or_adopt()
    assert (failed.value.exception_type, task.aws.count(CREATE)) == (ExceptionType.THROTTLING, 16)


def test_without_patience_a_policy_counts_each_and_the_pace_learns_of_it(task: Task) -> None:
    task.settings = replace(task.settings, throttle_patience=0.0)
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    desk = Desk([NOW, NOW])
    with pytest.raises(StepFailure):
        begun(task, desk).submit_or_adopt()
    assert (task.aws.count(CREATE), record(task).failures) == (1, 1)
    assert desk.asked == [(PaceMessage.ASK, 0.0), (PaceMessage.GIVEN_UP, 7.0)]


def test_a_call_that_was_taken_is_told_where_that_is_wanted(task: Task) -> None:
    desk = Desk([Answer(True, 0.0, 7.0, report=True)])
    assert isinstance(begun(task, desk).submit_or_adopt(), JobWait)
    assert [message for message, _ in desk.asked] == [PaceMessage.ASK, PaceMessage.TAKEN]


@pytest.mark.parametrize("fault", [Fault.FAULTY, Fault.DENIED, Fault.LIMIT])
def test_other_failures_are_no_throttles(task: Task, fault: Fault) -> None:
    task.aws.faults.plan(CREATE, fault)
    with pytest.raises(StepFailure):
        begun(task, Desk()).submit_or_adopt()
    assert task.aws.count(CREATE) == 1


def test_a_worker_that_dies_after_a_throttle_costs_no_attempt(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        begun(task, Desk()).submit_or_adopt()
    task.try_number = 2
    assert isinstance(begun(task, Desk()).submit_or_adopt(), JobWait)
    assert (record(task).attempt, record(task).failures, len(task.aws.jobs)) == (1, 0, 1)


def test_the_account_may_be_unknown(task: Task) -> None:
    held: Any = {"RoleArn": "arn:role"}
    task.step = replace(task.step, arguments=held)
    desk = Desk()
    assert isinstance(begun(task, desk).submit_or_adopt(), JobWait)
    assert desk.calls == {PacedCall(CREATE, "", "eu-west-1")}


class Seen(JobObserver):
    """What observers are told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def cache_asked(self, run: StepJobRun, *, hit: bool) -> None:
        self.told.append(hit)

    def job_ended(self, run: StepJobRun, end: JobEnd) -> None:
        self.told.append(end)


class EmptyCache(NoCache):
    def attributes(self, *_: Any) -> dict[str, Any]:
        return {"a": "b"}


def test_a_step_that_waits_for_its_turn_misses_the_cache_once(task: Task) -> None:
    desk, held, seen = Desk([Answer(False, 30.0), Answer(False, 30.0)]), Held(), Seen()
    while True:
        life = task.begun(cache=EmptyCache(), admission=lambda run: Admission.of_job(run, desk, may_pause=True))
        life.run.observers = (seen,)
        life.admission.held = held
        outcome = life.submit_or_adopt()
        if not isinstance(outcome, Pause):
            break
        held = outcome.held
    assert (len(task.aws.jobs), seen.told) == (1, [False])


def test_a_kill_after_a_call_that_was_refused_ends_no_job(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task.aws.faults.plan(CREATE, Fault.THROTTLED)
    seen, life = Seen(), begun(task, Desk([NOW, Answer(True, 2.0)]))
    life.run.observers = (seen,)
    monkeypatch.setattr(task.clock, "sleep", lambda _: life.kill())
    with pytest.raises(StepKilled):
        life.submit_or_adopt()
    assert (task.aws.jobs, seen.told, task.aws.count("StopTrainingJob")) == ({}, [], 0)
