"""The name of a step's job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.expressions.identity import job_name
from airflow_sm_pipelines.step_types.unique_name import unique_name

if TYPE_CHECKING:
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


def name_job(run: StepJobRun) -> None:
    """Name the attempt's job: by the user's own name where the type takes that, else by a generated one."""
    known, kind = run.step_type, run.kind
    given = run.step.arguments.get(kind.name_field) if known.user_named or known.made_unique else None
    name = "" if given is None else run.resolve_text(given)
    if name and known.made_unique:
        name = unique_name(name, run.execution_id, kind.name_limit)
    run.name_is_new, run.name_is_given = True, bool(name)
    run.rename(name or _generated(run))


def _generated(run: StepJobRun) -> str:
    prefix = run.adapter.name_prefix()
    name, was_cut = job_name(
        run.execution_id,
        run.step.name,
        run.record.token,
        run.record.failures,
        limit=run.kind.name_limit,
        # An empty prefix is none.
        prefix=(run.resolve_text(prefix) or None) if prefix is not None else None,
    )
    if was_cut:
        message = "The name prefix in the Arguments of step %s was cut: the job is named %s"
        run.log.warning(message, run.task.task_id, name)
    return name
