"""What is recorded of a job that has ended: the step's XCom of it, and why it failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import type_of_failure_reason
from airflow_sm_pipelines.jobs.time_limits import reason_of_limit
from airflow_sm_pipelines.step_types.member_paths import member_at

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.failures import StepFailure
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


def job_facts(run: StepJobRun, described: dict[str, Any]) -> dict[str, Any]:
    """The XCom ``sagemaker`` of a step: its job, and how to describe it again."""
    kind, declared = run.kind, run.step_type.kind
    return {
        "job_name": run.record.job_name,
        "job_arn": member_at(described, kind.arn_field),
        "attempt": run.record.attempt,
        "step_type": run.step.type,
        **({"asked_with": kind.describe_params} if kind.describe_params else {}),
        **({"describe": kind.describe} if declared is not None and kind.describe != declared.describe else {}),
    }


def failure_of_job(run: StepJobRun, described: dict[str, Any]) -> StepFailure:
    """The failure of a step whose job has failed: its state, and the reason in AWS's words."""
    kind = run.kind
    reason = run.adapter.reason(described) or reason_of_limit(kind, described) or "AWS gives no reason"
    detail, status = described.get("SecondaryStatus"), kind.status_of(described)
    return run.job_failure(
        f"the {kind.noun} {run.record.job_name} (attempt {run.record.attempt}) ended as {status}"
        f"{f' ({detail})' if detail not in (None, status) else ''}: {reason}",
        type_of_failure_reason(reason),
        job_stopped=kind.was_stopped(described),
    )
