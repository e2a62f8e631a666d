"""What Airflow's states are in the API."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_sm_pipelines.api.runs import Run, Task
from airflow_sm_pipelines.api.statuses import failure_reason, status_of, step_reason, step_status
from airflow_sm_pipelines.expressions.end_note import EndNote
from airflow_sm_pipelines.expressions.given_execution import GivenExecution
from airflow_sm_pipelines.graph.tasks import OUTCOME
from airflow_sm_pipelines.jobs.record import Phase, StepRecord

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILED = EndNote("Failed", "Step 'Train' failed: bad", headline="Step 'Train' failed: bad")
HANDLED = EndNote("Failed", "The run completed with failures:\n- Train", headline="The run completed with failures:")


def run(state: str, *, stopped: bool = False, stopping: bool = False, **notes: EndNote) -> Run:
    given = GivenExecution(stopped_at=1.0 if stopped else None)
    named = {OUTCOME if name == "outcome" else name: note for name, note in notes.items()}
    conf = given.put_into({})
    made = Run(dag_id="d", run_id="r", execution_id="e", number=1, state=state, created_at=NOW, conf=conf, notes=named)
    return made if not stopping else Run(**{**{n: getattr(made, n) for n in made.__struct_fields__}, "stopping": True})


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (run("queued"), "Executing"),
        (run("running", Train=FAILED), "Executing"),
        (run("running", stopped=True), "Executing"),
        (run("success"), "Succeeded"),
        (run("success", Train=FAILED), "CompletedWithFailures"),
        (run("failed", Train=FAILED), "Failed"),
        (run("failed", Train=FAILED, outcome=HANDLED), "CompletedWithFailures"),
        (run("failed", stopped=True, stopping=True), "Stopping"),
        (run("failed", stopped=True), "Stopped"),
    ],
)
def test_the_status_of_an_execution(found: Run, status: str) -> None:
    assert status_of(found) == status
    assert (failure_reason(found) is not None) is (status in ("Failed", "CompletedWithFailures"))


RUNNING, STOPPED = run("running"), run("failed", stopped=True)
STOPPING = run("failed", stopped=True, stopping=True)


def record(phase: Phase = Phase.SUBMITTING) -> StepRecord:
    return StepRecord("t", "d", 1, 0.0, 0.0, None, "job", phase, stop_target={"kind": "job"})


@pytest.mark.parametrize(
    ("task", "of_run", "status"),
    [
        (Task(task_id="t"), RUNNING, None),
        (Task(task_id="t", state="scheduled"), RUNNING, None),
        (Task(task_id="t", state="scheduled", started_at=NOW), RUNNING, "Executing"),
        (Task(task_id="t", state="queued"), RUNNING, "Starting"),
        (Task(task_id="t", state="deferred"), RUNNING, "Executing"),
        (Task(task_id="t", state="up_for_retry"), RUNNING, "Executing"),
        (Task(task_id="t", state="success"), RUNNING, "Succeeded"),
        (Task(task_id="t", state="success", note=FAILED), RUNNING, "Failed"),
        (Task(task_id="t", state="skipped"), RUNNING, None),
        (Task(task_id="t", state="upstream_failed"), RUNNING, None),
        (Task(task_id="t", state="failed", note=FAILED), RUNNING, "Failed"),
        (Task(task_id="t", state="failed", note=EndNote("Stopped", "in AWS")), RUNNING, "Stopped"),
        (Task(task_id="t", state="failed", note=EndNote("NotBegun", "no")), RUNNING, None),
        (Task(task_id="t", state="failed", note=EndNote("Refused", "wrong")), RUNNING, "Failed"),
        (Task(task_id="t", state="failed"), RUNNING, "Failed"),
        (Task(task_id="t", state="failed"), STOPPED, None),
        (Task(task_id="t", state="failed", started_at=NOW), STOPPED, "Stopped"),
        (Task(task_id="t", state="failed", started_at=NOW, record=record()), STOPPING, "Stopping"),
        (Task(task_id="t", state="failed", started_at=NOW, record=record(Phase.CLOSED)), STOPPING, "Stopped"),
        (Task(task_id="t", state="failed", started_at=NOW, record=record()), STOPPED, "Stopped"),
    ],
)
def test_the_status_of_a_step(task: Task, of_run: Run, status: str | None) -> None:
    assert step_status(task, of_run) == status


def test_a_step_that_left_no_reason_was_ended_by_somebody() -> None:
    task = Task(task_id="t", state="failed")
    assert step_reason(task, "Failed") == "The task was killed, timed out or marked as failed in Airflow."
    assert step_reason(task, "Stopped") is None
    assert step_reason(Task(task_id="t", state="failed", note=FAILED), "Failed") == FAILED.reason
