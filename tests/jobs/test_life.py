"""The life of a job without Airflow: what a try does, by what is on record, what AWS says, and what befalls its calls.

The rows of the fault matrix (docs/fault-matrix.md) are tried so too, each with its own expectations
(tests/jobs/test_fault_rows.py). That Airflow calls in these ways is shown by tests/faults and tests/runs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import ExceptionType, JobUnreachable, StepFailure
from airflow_sm_pipelines.jobs.lifecycle import JobLifecycle, JobWait
from airflow_sm_pipelines.jobs.record import STORE_KEY, Phase, StepRecord
from airflow_sm_pipelines.jobs.step_lifecycle import Finished
from airflow_sm_pipelines.jobs.step_run import LostTriesExceeded, StepKilled, StepTimedOut
from airflow_sm_pipelines.jobs.step_secrets import StepSecrets
from airflow_sm_pipelines.jobs.unanswered import UNANSWERED_SECONDS
from airflow_sm_pipelines.jobs.waiting import WaitEnd
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.jobs.doubles import SETTINGS, Fault, Task, WorkerDied

CREATE, DESCRIBE, STOP = "CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob"


@pytest.fixture
def task() -> Task:
    return Task()


def record(task: Task) -> StepRecord:
    return StepRecord.from_json(task.store.values[STORE_KEY])


def submitted(task: Task) -> tuple[JobLifecycle, JobWait]:
    """A try that has created its job and is to wait for it."""
    life = task.begun()
    wait = life.submit_or_adopt()
    assert isinstance(wait, JobWait)
    return life, wait


def next_try(task: Task) -> JobLifecycle:
    task.try_number += 1
    return task.begun()


# Submit ---------------------------------------------------------------------------------------------------------


def test_the_submission_is_on_record_before_the_call(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.DEATH_BEFORE)
    with pytest.raises(WorkerDied):
        task.begun().submit_or_adopt()
    kept = record(task)
    assert (kept.phase, kept.active_try, task.aws.jobs) == (Phase.SUBMITTING, 1, {})
    assert kept.stop_target["name"] == kept.job_name


def test_a_job_is_created_waited_for_and_its_result_taken(task: Task) -> None:
    life, wait = submitted(task)
    task.aws.end()
    result = life.wait(wait)
    assert result["TrainingJobStatus"] == "Completed"
    assert (record(task).phase, record(task).active_try, record(task).stop_target) == (Phase.CLOSED, None, {})
    assert task.output.values["sagemaker"] == {
        "job_name": wait.job_name,
        "job_arn": f"arn:{wait.job_name}",
        "attempt": 1,
        "step_type": "Training",
    }


def test_what_is_done_when_the_call_returns_is_not_waited_for(task: Task) -> None:
    done = replace(STEP_TYPES["Training"].kind, status_field=None)  # type: ignore[type-var] # a Training step has one
    task.step_type = replace(STEP_TYPES["Training"], kind=done)
    outcome = task.begun().submit_or_adopt()
    assert isinstance(outcome, Finished)
    assert record(task).phase is Phase.CLOSED


@pytest.mark.parametrize(
    ("fault", "exception_type", "phase"),
    [
        (Fault.THROTTLED, ExceptionType.THROTTLING, Phase.FAILED),
        (Fault.LIMIT, ExceptionType.RESOURCE_LIMIT, Phase.FAILED),
        (Fault.DENIED, None, Phase.FAILED),
        (Fault.EXPIRED, None, Phase.FAILED),
        # The call may have taken effect: the attempt stays open.
        (Fault.FAULTY, ExceptionType.SERVICE_FAULT, Phase.SUBMITTING),
    ],
)
def test_a_create_call_that_fails(task: Task, fault: Fault, exception_type: ExceptionType | None, phase: Phase) -> None:
    task.aws.faults.plan(CREATE, fault)
    with pytest.raises(StepFailure) as failed:
        task.begun().submit_or_adopt()
    assert (failed.value.exception_type, failed.value.outcome_unknown) == (exception_type, phase is Phase.SUBMITTING)
    kept = record(task)
    assert (kept.phase, kept.failures, kept.active_try) == (phase, int(phase is Phase.FAILED), 1)
    assert bool(kept.stop_target) is (phase is Phase.SUBMITTING)


@pytest.mark.parametrize(
    ("faults", "calls"),
    [([Fault.LOST_AFTER], 1), ([Fault.LOST_BEFORE], 2), ([Fault.LOST_BEFORE] * 3 + [Fault.LOST_AFTER], 4)],
)
def test_a_create_call_without_an_answer_is_looked_for_and_made_again(
    task: Task, faults: list[Fault], calls: int
) -> None:
    task.aws.faults.plan(CREATE, *faults)
    life = task.begun()
    assert isinstance(life.submit_or_adopt(), JobWait)
    assert [name for called, name in task.aws.calls if called == CREATE] == [life.run.record.job_name] * calls
    assert list(task.aws.jobs) == [life.run.record.job_name]
    assert (record(task).failures, record(task).lost_tries, record(task).policy_retries) == (0, 0, {})


def test_where_no_answer_comes_the_try_is_lost_and_no_policy_counts_it() -> None:
    task = Task(settings=replace(SETTINGS, poll_interval=30.0, poll_interval_max=300.0))
    task.aws.faults.plan(CREATE, *[Fault.LOST_BEFORE] * 100)
    began = task.clock.now
    with pytest.raises(JobUnreachable):
        task.begun().submit_or_adopt()
    assert 200 < task.clock.now - began <= UNANSWERED_SECONDS
    assert (record(task).phase, record(task).failures) == (Phase.SUBMITTING, 0)
    assert len({name for _, name in task.aws.calls}) == 1
    task.aws.faults.planned.clear()
    assert isinstance(next_try(task).submit_or_adopt(), JobWait)
    assert list(task.aws.jobs) == [record(task).job_name]


def test_a_look_that_fails_after_a_call_without_an_answer_is_made_again(task: Task) -> None:
    task.aws.faults.plan(CREATE, Fault.LOST_AFTER)
    task.aws.faults.plan("DescribeTrainingJob", Fault.LOST_BEFORE, Fault.THROTTLED)
    assert isinstance(task.begun().submit_or_adopt(), JobWait)
    assert (task.aws.count(CREATE), record(task).failures) == (1, 0)


def test_a_request_that_cannot_be_resolved_leaves_no_name_on_record(task: Task) -> None:
    life = task.begun()
    life.run.resolution_error = life.run.failure("Parameters.P is undefined.")
    with pytest.raises(StepFailure, match=r"Step 'Train' failed: Parameters\.P"):
        life.submit_or_adopt()
    assert (record(task).job_name, record(task).phase, task.aws.calls) == ("", Phase.FAILED, [])


# Adopt ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.DEATH_AFTER])
@pytest.mark.parametrize("status", ["InProgress", "Completed"])
def test_a_job_whose_creation_nobody_heard_of_is_adopted(task: Task, fault: Fault, status: str) -> None:
    task.aws.faults.plan(CREATE, fault)
    with pytest.raises((StepFailure, WorkerDied)):
        task.begun().submit_or_adopt()
    if status == "Completed":
        task.aws.end()
    outcome = next_try(task).submit_or_adopt()
    assert isinstance(outcome, Finished if status == "Completed" else JobWait)
    assert (len(task.aws.jobs), task.aws.count(CREATE)) == (1, 1)
    assert record(task).lost_tries == 1


@pytest.mark.parametrize("fault", [Fault.FAULTY, Fault.DEATH_BEFORE])
def test_a_job_that_was_never_created_is_created_under_its_name(task: Task, fault: Fault) -> None:
    task.aws.faults.plan(CREATE, fault)
    with pytest.raises((StepFailure, WorkerDied)):
        task.begun().submit_or_adopt()
    name = record(task).job_name
    assert isinstance(next_try(task).submit_or_adopt(), JobWait)
    assert (list(task.aws.jobs), task.aws.count(CREATE)) == ([name], 2)


def test_a_job_that_came_late_is_the_own_one(task: Task) -> None:
    """Describe did not show it yet, and Create says that it is there."""
    _, wait = submitted(task)
    life = next_try(task)
    hidden = task.aws.jobs.pop(wait.job_name)

    def show(*_: Any) -> None:
        task.aws.jobs[wait.job_name] = hidden

    life.adapter.prepare = show  # type: ignore[method-assign] # AWS lists the job from here on
    assert life.submit_or_adopt() == wait
    assert len(task.aws.jobs) == 1


def test_a_definition_that_has_changed_waits_for_the_job_as_it_was_submitted(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    _, wait = submitted(task)
    task.digest = "other"
    assert next_try(task).submit_or_adopt() == wait
    assert "the job is waited for as it was submitted" in caplog.text


def test_a_deferred_try_that_comes_back_is_no_other_try(task: Task) -> None:
    submitted(task)
    task.aws.end()
    outcome = task.begun().resume(WaitEnd.ENDED, "Completed")
    assert isinstance(outcome, Finished)
    assert outcome.result["TrainingJobStatus"] == "Completed"
    assert record(task).lost_tries == 0


def test_too_many_lost_tries_stop_the_job_and_fail(task: Task) -> None:
    submitted(task)
    for _ in range(SETTINGS.max_lost_tries):
        assert isinstance(next_try(task).submit_or_adopt(), JobWait)
    with pytest.raises(LostTriesExceeded, match="4 tries were lost"):
        next_try(task).submit_or_adopt()
    [job] = task.aws.jobs.values()
    assert job.stops == 1
    # It stays on record until it is sure that it has ended.
    assert record(task).may_have_job


def test_the_result_of_a_job_that_has_ended_is_taken_however_many_tries_were_lost(task: Task) -> None:
    submitted(task)
    for _ in range(SETTINGS.max_lost_tries + 3):
        task.try_number += 1
        task.life().begin()
        kept = record(task)
        task.store.values[STORE_KEY] = replace(kept, lost_tries=9).to_json()
    task.aws.end()
    assert isinstance(next_try(task).submit_or_adopt(), Finished)


# A user's clear -------------------------------------------------------------------------------------------------


def test_a_cleared_task_begins_anew_and_stops_what_was_left(task: Task) -> None:
    submitted(task)
    task.max_tries += 5
    life = next_try(task)
    assert [job.stops for job in task.aws.jobs.values()] == [1]
    assert isinstance(life.submit_or_adopt(), JobWait)
    assert len(task.aws.jobs) == 2
    assert len(task.aws.running) == 1


def test_what_was_left_and_cannot_be_stopped_keeps_no_new_try_from_beginning(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    submitted(task)
    task.max_tries += 5
    task.aws.faults.plan(STOP, Fault.DENIED)
    assert isinstance(next_try(task).submit_or_adopt(), JobWait)
    assert "could not be stopped and may go on" in caplog.text


@pytest.mark.parametrize("stored", [{"kind": {"noun": "of another version"}}, {"access": 3, "kind": 4, "name": 5}])
def test_what_another_version_has_left_keeps_no_new_try_from_beginning(task: Task, stored: dict[str, Any]) -> None:
    submitted(task)
    task.store.values[STORE_KEY]["job"] = stored
    task.max_tries += 5
    assert isinstance(next_try(task).submit_or_adopt(), JobWait)


# Wait and finish ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.FAULTY, Fault.LOST_BEFORE, Fault.LOST_AFTER, Fault.EXPIRED])
def test_errors_that_pass_never_end_the_waiting(task: Task, fault: Fault) -> None:
    life, wait = submitted(task)
    task.aws.end()
    # One for the look of the waiting, and one for that at the result.
    task.aws.faults.plan(DESCRIBE, fault, fault, None, fault)
    assert life.wait(wait)["TrainingJobStatus"] == "Completed"


def test_a_job_that_cannot_be_described_any_more_fails_the_step_and_stays_on_record(task: Task) -> None:
    life, wait = submitted(task)
    task.aws.faults.plan(DESCRIBE, Fault.DENIED)
    with pytest.raises(StepFailure, match=r"can no longer be looked at \(AccessDenied") as failed:
        life.wait(wait)
    assert (failed.value.exception_type, failed.value.outcome_unknown) == (None, True)
    assert record(task).stop_target["name"] == wait.job_name


def test_a_look_that_does_not_pass_in_time_is_left_to_a_later_try() -> None:
    task = Task(settings=replace(SETTINGS, poll_interval=30.0, poll_interval_max=60.0))
    life, _ = submitted(task)
    task.aws.end()
    task.aws.faults.plan(DESCRIBE, *[Fault.THROTTLED] * 10)
    with pytest.raises(JobUnreachable, match="for 5 min, and a later try looks"):
        life.resume(WaitEnd.ENDED, "Completed")
    task.aws.faults.planned.clear()
    assert record(task).may_have_job
    assert isinstance(next_try(task).submit_or_adopt(), Finished)


def test_a_job_that_is_gone_fails_the_step(task: Task) -> None:
    life, _ = submitted(task)
    task.aws.jobs.clear()
    with pytest.raises(StepFailure, match="is gone"):
        life.resume(WaitEnd.ENDED, "Completed")
    assert record(task).phase is Phase.FAILED


@pytest.mark.parametrize(
    ("status", "reason", "exception_type"),
    [
        ("Failed", "CapacityError: Unable to provision requested ML compute capacity.", ExceptionType.CAPACITY_ERROR),
        ("Failed", "InternalServerError: We encountered an internal error.", ExceptionType.JOB_INTERNAL_ERROR),
        ("Failed", "AlgorithmError: ExecuteUserScriptError: exit code 1", None),
        ("Stopped", "", None),
    ],
)
def test_a_job_that_has_failed(task: Task, status: str, reason: str, exception_type: ExceptionType | None) -> None:
    life, wait = submitted(task)
    task.aws.end(status, reason)
    with pytest.raises(StepFailure, match=rf"ended as {status}: {reason or 'AWS gives no reason'}") as failed:
        life.wait(wait)
    assert failed.value.exception_type is exception_type
    kept = record(task)
    assert (kept.phase, kept.failures, kept.active_try, kept.stop_target) == (Phase.FAILED, 1, 1, {})
    assert task.output.values["sagemaker"]["job_name"] == wait.job_name


def test_the_attempt_after_a_failure_has_a_name_of_its_own(task: Task) -> None:
    life, first = submitted(task)
    task.aws.end("Failed", "CapacityError")
    with pytest.raises(StepFailure):
        life.wait(first)
    task.store.set(STORE_KEY, record(task).retried_by(0).to_json())
    second = next_try(task).submit_or_adopt()
    assert isinstance(second, JobWait)
    assert second.job_name != first.job_name
    assert second.job_name.endswith("-1")
    assert (record(task).attempt, record(task).policy_retries) == (2, {"0": 1})


def test_a_failure_that_no_policy_was_asked_about_is_found_again(task: Task) -> None:
    """The try died between the failure's record and the answer of the retry policies."""
    life, wait = submitted(task)
    task.aws.end("Failed", "CapacityError")
    with pytest.raises(StepFailure):
        life.wait(wait)
    with pytest.raises(StepFailure, match="CapacityError"):
        next_try(task).submit_or_adopt()
    assert (record(task).failures, record(task).lost_tries, task.aws.count(CREATE)) == (1, 1, 1)


def resumed(task: Task, deadline: float | None = None) -> Finished | JobWait:
    """The process that comes back from a trigger which could not look at the job."""
    life = task.begun(time_limit=timedelta(seconds=5))
    return life.resume(WaitEnd.UNREADABLE, "AccessDeniedException: as the triggerer is", deadline)


def test_a_job_that_the_triggerer_cannot_look_at_is_waited_for_where_the_worker_sees_it_run(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    _, first = submitted(task)
    now = task.clock.now
    for _ in range(SETTINGS.max_lost_tries + 2):
        wait = resumed(task, now + 3)
        assert isinstance(wait, JobWait)
        assert (wait.job_name, wait.bounds.deadline) == (first.job_name, now + 3)
    # The trigger of an earlier version does not say until when.
    wait = resumed(task)
    assert isinstance(wait, JobWait)
    assert wait.bounds.deadline == now + 5
    assert "cannot look at the training job" in caplog.text
    assert (record(task).lost_tries, record(task).failures, record(task).attempt) == (0, 0, 1)


def test_a_job_that_the_triggerer_cannot_look_at_ends_as_the_worker_sees_it(task: Task) -> None:
    submitted(task)
    task.aws.end()
    outcome = resumed(task)
    assert isinstance(outcome, Finished)
    assert outcome.result["TrainingJobStatus"] == "Completed"


def test_a_job_that_the_triggerer_cannot_look_at_has_no_more_time_than_others(task: Task) -> None:
    submitted(task)
    with pytest.raises(StepTimedOut, match="execution_timeout of 0:00:05 is over"):
        resumed(task, task.clock.now)


@pytest.mark.parametrize("is_there", [True, False])
def test_a_job_that_the_worker_cannot_look_at_either_fails_the_step(task: Task, *, is_there: bool) -> None:
    submitted(task)
    if is_there:
        task.aws.faults.plan(DESCRIBE, Fault.DENIED)
    else:
        task.aws.jobs.clear()
    with pytest.raises(StepFailure, match=r"can no longer be looked at \(AccessDeniedException: as the") as failed:
        resumed(task)
    assert failed.value.outcome_unknown
    assert record(task).may_have_job


def test_a_job_that_the_worker_cannot_look_at_for_now_is_left_to_a_later_try() -> None:
    task = Task(settings=replace(SETTINGS, poll_interval=30.0, poll_interval_max=60.0))
    submitted(task)
    task.aws.faults.plan(DESCRIBE, *[Fault.THROTTLED] * 10)
    with pytest.raises(JobUnreachable, match="a later try looks"):
        resumed(task)


def test_a_job_that_has_ended_and_is_shown_as_running_is_looked_at_again(
    task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of AWS can be older than one that somebody else had before it."""
    life, _ = submitted(task)
    monkeypatch.setattr(task.clock, "sleep", lambda _: task.aws.end())
    outcome = life.resume(WaitEnd.ENDED, "Completed")
    assert isinstance(outcome, Finished)
    assert outcome.result["TrainingJobStatus"] == "Completed"


def test_a_job_that_stays_shown_as_running_is_left_to_a_later_try() -> None:
    task = Task(settings=replace(SETTINGS, poll_interval=30.0, poll_interval_max=60.0))
    life, _ = submitted(task)
    with pytest.raises(JobUnreachable, match="was seen to have ended"):
        life.resume(WaitEnd.ENDED, "Completed")
    assert record(task).may_have_job


def test_a_job_that_outruns_its_limit_is_stopped_and_stays_on_record(task: Task) -> None:
    life, _ = submitted(task)
    with pytest.raises(StepFailure, match="exceeded the limit of its request, and is stopped: told"):
        life.resume(WaitEnd.OVERDUE, "told")
    [job] = task.aws.jobs.values()
    assert job.stops == 1
    assert record(task).may_have_job


def test_the_time_out_is_told_and_the_job_left_to_the_kill_that_follows(task: Task) -> None:
    life = task.begun(time_limit=timedelta(seconds=5))
    wait = life.submit_or_adopt()
    assert isinstance(wait, JobWait)
    assert wait.bounds.deadline == task.clock.now + 5
    with pytest.raises(StepTimedOut, match=r"is stopped, as the execution_timeout of 0:00:05 is over"):
        life.resume(WaitEnd.TIMED_OUT, "")
    life.kill()
    [job] = task.aws.jobs.values()
    assert job.stops == 1


# What the log shows ---------------------------------------------------------------------------------------------


class WordIsSecret(StepSecrets):
    """One word is a secret, as one that Airflow's masker knows."""

    @override
    def hide(self, text: str) -> str:
        return text.replace("Train", "***")


@pytest.mark.parametrize("end", [WaitEnd.TIMED_OUT, WaitEnd.UNREADABLE, WaitEnd.OVERDUE])
def test_the_log_says_why_a_step_has_failed_without_its_secrets(
    task: Task, end: WaitEnd, caplog: pytest.LogCaptureFixture
) -> None:
    task.secrets = WordIsSecret()
    life, _ = submitted(task)
    task.aws.faults.plan(DESCRIBE, Fault.DENIED)
    with pytest.raises((StepFailure, StepTimedOut)):
        life.resume(end, "as Train is")
    [error] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert "Step '***'" in error
    assert "Train" not in error


def test_the_log_says_that_too_many_tries_were_lost_without_its_secrets(
    task: Task, caplog: pytest.LogCaptureFixture
) -> None:
    task.secrets = WordIsSecret()
    submitted(task)
    task.store.values[STORE_KEY] = replace(record(task), lost_tries=9).to_json()
    with pytest.raises(LostTriesExceeded):
        next_try(task).submit_or_adopt()
    [error] = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert error.startswith("Step '***' failed: 10 tries")


# Kill -----------------------------------------------------------------------------------------------------------


def test_a_kill_stops_the_job_and_ends_the_try(task: Task) -> None:
    life, _ = submitted(task)
    life.kill()
    with pytest.raises(StepKilled, match="was killed, and its training job is stopped"):
        life.resume(WaitEnd.ENDED, "Stopped")
    [job] = task.aws.jobs.values()
    assert job.stops == 1
    # Whether the stop is heeded is not known: the record says how to look.
    assert record(task).stop_target["name"] == job.name


def test_a_kill_before_anything_is_begun_stops_nothing(task: Task) -> None:
    life = task.begun()
    life.kill()
    with pytest.raises(StepKilled):
        life.submit_or_adopt()
    assert (task.aws.calls, task.store.values) == ([], {})


def test_a_kill_while_the_job_is_created_stops_it(task: Task) -> None:
    life = task.begun()
    create = life.adapter.create

    def killed_meanwhile() -> None:
        life.kill()
        create()

    life.adapter.create = killed_meanwhile  # type: ignore[method-assign] # the signal comes while the call is made
    with pytest.raises(StepKilled):
        life.submit_or_adopt()
    [job] = task.aws.jobs.values()
    assert job.stops == 1


def test_a_stop_that_fails_is_told_and_the_job_stays_on_record(task: Task, caplog: pytest.LogCaptureFixture) -> None:
    life, _ = submitted(task)
    task.aws.faults.plan(STOP, Fault.DENIED)
    life.kill()
    assert "could not be stopped and may go on" in caplog.text
    assert record(task).may_have_job


def test_an_orderly_shutdown_is_no_lost_try(task: Task) -> None:
    life, wait = submitted(task)
    life.run.record_interruption()
    assert record(task).active_try is None
    assert next_try(task).submit_or_adopt() == wait
    assert record(task).lost_tries == 0


def test_a_shutdown_before_the_submission_writes_nothing(task: Task) -> None:
    task.begun().run.record_interruption()
    assert task.store.values == {}


# The record's last word -----------------------------------------------------------------------------------------


def test_a_try_that_dies_after_its_job_was_done_leaves_the_result_to_the_next(task: Task) -> None:
    life, wait = submitted(task)
    task.aws.end()
    life.wait(wait)
    outcome = next_try(task).submit_or_adopt()
    assert isinstance(outcome, Finished)
    assert (outcome.result["TrainingJobStatus"], task.aws.count(CREATE)) == ("Completed", 1)


@pytest.mark.parametrize("write", range(3))
def test_a_death_around_any_write_of_the_record_costs_no_second_job(task: Task, write: int) -> None:
    for when in (Fault.DEATH_BEFORE, Fault.DEATH_AFTER):
        one = Task()
        one.store.faults.plan("set", *[None] * write, when)
        try:
            life, wait = submitted(one)
            one.aws.end()
            life.wait(wait)
        except WorkerDied:
            one.aws.end()
            outcome = next_try(one).submit_or_adopt()
            one.aws.end()
            if isinstance(outcome, JobWait):
                outcome = next_try(one).submit_or_adopt()
            assert isinstance(outcome, Finished)
        assert len(one.aws.jobs) == 1
        assert record(one).phase is Phase.CLOSED
