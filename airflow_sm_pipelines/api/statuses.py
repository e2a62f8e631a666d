"""What Airflow's states are called in the API, and the reasons that go with them."""

from __future__ import annotations

from airflow_sm_pipelines.api.runs import Run, Task
from airflow_sm_pipelines.expressions.end_note import COMPLETED_WITH_FAILURES
from airflow_sm_pipelines.graph.run_conditions import UpstreamState
from airflow_sm_pipelines.graph.tasks import OUTCOME
from airflow_sm_pipelines.jobs.record import StepRecord

MAX_REASONS = 5
STEPS_FAILED = "Step failure: One or multiple steps failed."
NO_REASON = "The task was killed, timed out or marked as failed in Airflow."

_UNDER_WAY = frozenset({"running", "deferred", "restarting", "up_for_retry", "up_for_reschedule"})
_DID_NOT_RUN = (UpstreamState.NOT_BEGUN,)
_ENDS = {UpstreamState.STOPPED: "Stopped"}


def status_of(run: Run) -> str:
    """The PipelineExecutionStatus of a run.

    CompletedWithFailures is a run in which a step ran upon the failure of another, however Airflow lets it end.
    """
    if not run.has_ended:
        return "Executing"
    if run.state == "failed" and run.given.stopped_at is not None:
        return "Stopping" if run.stopping else "Stopped"
    outcome = run.notes.get(OUTCOME)
    if run.state == "success":
        return "CompletedWithFailures" if any(name != OUTCOME for name in run.notes) else "Succeeded"
    if outcome is not None and COMPLETED_WITH_FAILURES in outcome.reason.partition("\n")[0]:
        return "CompletedWithFailures"
    return "Failed"


def failure_reason(run: Run) -> str | None:
    """Why a run has failed: AWS's sentence, and what the steps say of it."""
    if status_of(run) not in ("Failed", "CompletedWithFailures"):
        return None
    reasons = dict.fromkeys(
        note.headline for name, note in run.notes.items() if name != OUTCOME and note.state not in _DID_NOT_RUN
    )
    return " ".join((STEPS_FAILED, *list(reasons)[:MAX_REASONS]))


def step_status(task: Task, run: Run) -> str | None:
    """The StepStatus of a task of a run; None where the step has not begun, or does not run."""
    if task.state == "queued":
        return "Starting"
    if task.state in _UNDER_WAY or (task.state == "scheduled" and task.started_at is not None):
        return "Executing"
    if task.note is not None and task.state in ("failed", "success"):
        if task.note.state in _DID_NOT_RUN:
            return None
        return _ENDS.get(task.note.state, "Failed")
    if task.state == "success":
        return "Succeeded"
    if task.state == "failed" and run.given.stopped_at is not None:
        if task.started_at is None:
            return None
        return "Stopping" if run.stopping and is_stopping(task.record) else "Stopped"
    return "Failed" if task.state == "failed" else None


def is_stopping(record: StepRecord | None) -> bool:
    """Whether a job of a task that has ended may not be stopped yet."""
    return record is not None and record.may_have_job and bool(record.stop_target)


def step_reason(task: Task, status: str) -> str | None:
    """Why a step has failed or was stopped."""
    if status not in ("Failed", "Stopped"):
        return None
    if task.note is not None:
        return task.note.reason
    return NO_REASON if status == "Failed" else None
