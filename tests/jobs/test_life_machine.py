"""Thousands of lives of a job, in which anything may die at any call: no attempt has two jobs, none is left running
after the last word, none is lost, and only real failures are counted by the retry policies.

The machine plays Airflow (scheduler, triggerer, a user) and AWS around the real life of the job.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from airflow_sm_pipelines.aws.failures import ExceptionType, JobUnreachable, StepFailure
from airflow_sm_pipelines.definition.model import RetryPolicy
from airflow_sm_pipelines.jobs.admission import Pause
from airflow_sm_pipelines.jobs.kill_verdict import AskedBy, Verdict, on_kill_verdict
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.jobs.retry_decision import RetryRules, TryEnd
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.jobs.step_run import StepKilled, StepTimedOut
from airflow_sm_pipelines.jobs.stop import is_settled, stop
from airflow_sm_pipelines.jobs.waiting import WaitEnd
from airflow_sm_pipelines.step_types.stop_target import JobTarget, read_stop_target
from tests.jobs.doubles import LOG, SETTINGS, Fault, Task, WorkerDied

POLICIES = (
    RetryPolicy(("SageMaker.CAPACITY_ERROR",), interval_seconds=1, backoff_rate=1.0, max_attempts=2),
    RetryPolicy(("Step.THROTTLING",), interval_seconds=1, backoff_rate=1.0, max_attempts=1),
)
RULES = RetryRules.of_step(POLICIES, SETTINGS.max_lost_tries)
FINISHED = ("success", "failed")
CREATE_FAULTS = st.sampled_from([each for each in Fault if each is not Fault.EXPIRED])
DESCRIBE_FAULTS = st.sampled_from([Fault.THROTTLED, Fault.FAULTY, Fault.LOST_BEFORE, Fault.DENIED, Fault.DEATH_BEFORE])
DEATHS = st.sampled_from([Fault.DEATH_BEFORE, Fault.DEATH_AFTER])


class Life(RuleBasedStateMachine):
    """One task from its first try to its last word, and through the clears of a user."""

    def __init__(self) -> None:
        super().__init__()
        LOG.disabled = True
        self.task = Task(max_tries=RULES.upper_bound, try_number=0)
        self.state = "scheduled"
        self.process: JobLifecycle | None = None
        """The try that is alive and waits for its job in its worker."""
        self.trigger: JobWait | None = None
        """What a trigger waits for; it is forgotten when the triggerer dies, as far as its kill is concerned."""
        self.triggerer_lives = True
        self.real_failures = 0
        self.results: list[dict[str, Any]] = []

    # What Airflow does --------------------------------------------------------------------------------------

    @property
    def record(self) -> StepRecord | None:
        stored = self.task.store.values.get(STORE_KEY)
        return None if stored is None else StepRecord.from_json(stored)

    def live(self, *, deferrable: bool, resumes: tuple[WaitEnd, str] | None = None) -> None:
        """A process for the current try: a new one, or one that comes back from its trigger."""
        self.state, self.process, self.trigger = "running", None, None
        try:
            life = self.task.begun()
            if resumes is not None:
                self.go_on(life, *resumes)
                return
            outcome = life.submit_or_adopt()
        except WorkerDied:
            return
        except StepFailure as failure:
            self.fail(failure)
            return
        # Without a pace and without patience there is none.
        assert not isinstance(outcome, Pause)
        if deferrable or isinstance(outcome, Finished):
            self.end_or_defer(outcome)
        else:
            self.process = life

    def end_or_defer(self, outcome: Finished | JobWait) -> None:
        if isinstance(outcome, Finished):
            self.succeed(outcome.result)
        else:
            self.state, self.trigger, self.triggerer_lives = "deferred", outcome, True

    def go_on(self, life: JobLifecycle, end: WaitEnd, seen: str) -> None:
        """A try whose waiting has ended."""
        try:
            self.end_or_defer(life.resume(end, seen))
        except WorkerDied:
            self.process = None
        except StepFailure as failure:
            self.fail(failure)
        except StepTimedOut:
            self.time_out(life)

    def succeed(self, result: dict[str, Any]) -> None:
        self.results.append(result)
        self.state, self.process = "success", None

    def fail(self, failure: StepFailure) -> None:
        self.decide(TryEnd.LOST if isinstance(failure, JobUnreachable) else TryEnd.FAILED, failure.exception_type)

    def time_out(self, life: JobLifecycle) -> None:
        """Airflow kills the try whose execution_timeout is over, in its process, and that is final."""
        assert on_kill_verdict(self.state, AskedBy.WORKER, timed_out=True) is Verdict.STOP
        life.kill()
        self.decide(TryEnd.TIMED_OUT, None)

    def decide(self, end: TryEnd, exception_type: ExceptionType | None) -> None:
        """A try has ended: the retry policies decide, in its process, which may die before they have."""
        self.process = None
        record = self.record
        assert record is not None
        before = record.policy_retries
        decision, record = RULES.decide(end, exception_type, record, self.task.clock.now)
        try:
            self.task.store.set(STORE_KEY, record.to_json())
        except WorkerDied:
            return
        assert record.policy_retries == before or end is TryEnd.FAILED
        assert decision.delay is None or end is not TryEnd.TIMED_OUT
        retries = decision.delay is not None and self.task.try_number <= self.task.max_tries
        self.state = "up_for_retry" if retries else "failed"

    @precondition(lambda self: self.state in ("scheduled", "up_for_retry"))
    @rule(deferrable=st.booleans())
    def the_next_try_starts(self, deferrable: bool) -> None:
        self.task.try_number += 1
        self.live(deferrable=deferrable)

    @precondition(lambda self: self.state in ("running", "restarting") and self.process is None)
    @rule()
    def the_scheduler_finds_the_try_dead(self) -> None:
        self.state = "up_for_retry" if self.task.try_number <= self.task.max_tries else "failed"

    @precondition(lambda self: self.state == "deferred")
    @rule()
    def the_trigger_looks(self) -> None:
        """Also one of a new triggerer, which takes over what a dead one had."""
        assert self.trigger is not None
        self.triggerer_lives = True
        described = self.task.aws.jobs.get(self.trigger.job_name)
        assert described is not None
        if not described.is_running:
            self.live(deferrable=True, resumes=(WaitEnd.ENDED, described.status))

    @precondition(lambda self: self.process is not None)
    @rule()
    def the_worker_looks(self) -> None:
        assert self.process is not None
        life = self.process
        job = self.task.aws.jobs[life.run.record.job_name]
        if not job.is_running:
            self.go_on(life, WaitEnd.ENDED, job.status)

    @precondition(lambda self: self.state == "deferred")
    @rule(can_worker=st.booleans())
    def the_trigger_cannot_look(self, *, can_worker: bool) -> None:
        if not can_worker:
            self.task.aws.faults.plan("DescribeTrainingJob", Fault.DENIED)
        self.live(deferrable=True, resumes=(WaitEnd.UNREADABLE, "AccessDenied"))

    @precondition(lambda self: self.state == "deferred" or self.process is not None)
    @rule()
    def the_job_outruns_the_limit_of_its_request(self) -> None:
        """AWS has not ended it: the step does."""
        self.end_waiting(WaitEnd.OVERDUE)

    @precondition(lambda self: self.state == "deferred" or self.process is not None)
    @rule()
    def the_execution_timeout_is_over(self) -> None:
        self.end_waiting(WaitEnd.TIMED_OUT)

    @precondition(lambda self: self.process is not None)
    @rule()
    def airflow_finds_that_the_execution_timeout_is_over(self) -> None:
        """It raises in the task, wherever that is."""
        assert self.process is not None
        self.time_out(self.process)
        self.check_stopped()

    def end_waiting(self, end: WaitEnd) -> None:
        if self.process is None:
            self.live(deferrable=True, resumes=(end, "as of now"))
        else:
            self.go_on(self.process, end, "as of now")
        self.check_stopped()

    def check_stopped(self) -> None:
        """What has ended by its time leaves no job to the sweep that nobody has asked to stop, unless its try died."""
        assert self.state != "failed" or self.task.aws.running == []

    # What dies ----------------------------------------------------------------------------------------------

    @precondition(lambda self: self.process is not None)
    @rule()
    def the_worker_dies(self) -> None:
        self.process = None

    @precondition(lambda self: self.process is not None)
    @rule()
    def the_worker_is_shut_down(self) -> None:
        assert self.process is not None
        assert on_kill_verdict(self.state, AskedBy.WORKER, timed_out=False) is Verdict.LEAVE_TO_NEXT_TRY
        with suppress(WorkerDied):
            self.process.run.record_interruption()
        self.process = None

    @rule()
    def the_triggerer_dies(self) -> None:
        self.triggerer_lives = False

    # What a user does ---------------------------------------------------------------------------------------

    @precondition(lambda self: self.state not in (*FINISHED, "restarting"))
    @rule()
    def a_user_marks_the_task_failed(self) -> None:
        self.state = "failed"
        self.kill()

    def kill(self) -> None:
        """Whoever waits is killed, in the state that the user's action has given the task."""
        process, trigger, self.process, self.trigger = self.process, self.trigger, None, None
        if process is not None:
            if on_kill_verdict(self.state, AskedBy.WORKER, timed_out=False) is Verdict.STOP:
                process.kill()
                try:
                    process.resume(WaitEnd.ENDED, "")
                except StepKilled:
                    return
                raise AssertionError("a killed try goes on")
        elif (
            trigger is not None
            and self.triggerer_lives
            and on_kill_verdict(self.state, AskedBy.TRIGGER, timed_out=False) is Verdict.STOP
        ):
            stop(JobTarget(trigger.kind, trigger.job_name, {}), self.task.aws)

    @precondition(lambda self: self.state in (*FINISHED, "deferred", "up_for_retry"))
    @rule()
    def a_user_clears_the_task(self) -> None:
        self.task.max_tries = self.task.try_number + RULES.upper_bound
        self.state = "scheduled"
        self.kill()

    @precondition(lambda self: self.process is not None)
    @rule()
    def a_user_clears_the_running_task(self) -> None:
        self.task.max_tries = self.task.try_number + RULES.upper_bound
        self.state = "restarting"
        self.kill()

    # What AWS does ------------------------------------------------------------------------------------------

    @rule()
    def the_job_completes(self) -> None:
        self.task.aws.end()

    @rule(reason=st.sampled_from(["CapacityError: none left", "AlgorithmError: exit code 1"]))
    def the_job_fails(self, reason: str) -> None:
        self.real_failures += len(self.task.aws.running)
        self.task.aws.end("Failed", reason)

    @rule()
    def stopped_jobs_stop(self) -> None:
        self.task.aws.settle()

    @rule(fault=CREATE_FAULTS)
    def a_create_call_will_fail(self, fault: Fault) -> None:
        if fault not in (Fault.DEATH_BEFORE, Fault.DEATH_AFTER):
            self.real_failures += 1
        self.task.aws.faults.plan("CreateTrainingJob", fault)

    @rule(fault=DESCRIBE_FAULTS)
    def a_describe_call_will_fail(self, fault: Fault) -> None:
        self.task.aws.faults.plan("DescribeTrainingJob", fault)

    @rule(calls=st.integers(0, 3), fault=DEATHS)
    def the_worker_will_die_at_a_write(self, calls: int, fault: Fault) -> None:
        self.task.store.faults.plan("set", *[None] * calls, fault)

    @rule()
    def all_calls_go_well(self) -> None:
        self.task.aws.faults.planned.clear()
        self.task.store.faults.planned.clear()

    # What the triggerer does now and then -------------------------------------------------------------------

    @precondition(lambda self: self.state in FINISHED)
    @rule()
    def the_sweep_looks(self) -> None:
        record = self.record
        assert on_kill_verdict(self.state, AskedBy.SWEEP, timed_out=False) is Verdict.STOP
        if record is None or not record.may_have_job:
            return
        target = read_stop_target(record.stop_target)
        assert isinstance(target, JobTarget)
        self.task.aws.faults.planned.clear()
        self.task.store.faults.planned.clear()
        if is_settled(target, stop(target, self.task.aws, ask_first=True).outcome):
            self.task.store.set(STORE_KEY, record.closed().to_json())

    # What holds always --------------------------------------------------------------------------------------

    @invariant()
    def no_attempt_has_two_jobs(self) -> None:
        attempts = [(name.split("-")[3], name.split("-")[4:]) for name in self.task.aws.jobs]
        assert len(attempts) == len({token for token, _ in attempts})

    @invariant()
    def no_two_jobs_run_that_nobody_has_asked_to_stop(self) -> None:
        running = self.task.aws.running
        # A cleared task's next try stops what was left, before it begins anything.
        assert len(running) <= 1

    @invariant()
    def a_success_is_that_of_a_job_that_completed(self) -> None:
        for result in self.results:
            assert self.task.aws.jobs[result["TrainingJobName"]].status == "Completed"

    @invariant()
    def only_real_failures_are_counted(self) -> None:
        record = self.record
        if record is not None:
            assert record.failures <= self.real_failures + len(self.stopped_by_others())
            retries = sum(record.policy_retries.values())
            assert retries <= self.real_failures
            # No attempt begins that no policy has granted.
            assert record.failures <= retries + 1

    def stopped_by_others(self) -> list[str]:
        return [job.name for job in self.task.aws.jobs.values() if job.stops]

    @invariant()
    def a_job_that_may_run_can_be_found_by_the_sweep(self) -> None:
        """Never an orphan: where the task has ended, what runs is on record."""
        if self.state not in FINISHED:
            return
        record = self.record
        for job in self.task.aws.running:
            assert record is not None
            assert record.may_have_job
            assert record.stop_target["name"] == job.name

    def teardown(self) -> None:
        """When everybody has looked once more, nothing runs that nobody waits for."""
        LOG.disabled = False
        if self.state in FINISHED:
            for _ in range(3):
                self.the_sweep_looks()
                self.task.aws.settle()
            assert self.task.aws.running == []
            record = self.record
            assert record is None or not record.may_have_job


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
