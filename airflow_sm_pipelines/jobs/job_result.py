"""What a job that has ended leaves in XCom for the steps that need it: the result of its step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.expressions.scope import RESULT_KEY
from airflow_sm_pipelines.jobs.job import in_form_of_result
from airflow_sm_pipelines.jobs.xcom_bound import bound_of
from airflow_sm_pipelines.step_types.adapter import JobAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.job_run import StepJobRun
    from airflow_sm_pipelines.jobs.step_secrets import Published

    ToResult = Callable[[Mapping[str, Any]], dict[str, Json]]
    """Makes a step's result of a Describe response."""


def publish_result(
    run: StepJobRun, described: dict[str, Any], to_result: ToResult
) -> tuple[dict[str, Json], Published]:
    """Leave the result of a job that has succeeded: the result with its secrets, and what is shown of it.

    :raises StepFailure: where what belongs to the result cannot be read
    """
    kind, adapter = run.kind, run.adapter
    problem = f"the result of the {kind.noun} {run.record.job_name} could not be read"
    real = run.retry_transient(problem, lambda: to_result(adapter.result(described)))
    as_described = type(adapter).result is JobAdapter.result
    again = real if as_described else to_result(in_form_of_result(run.client(), kind, described))
    return real, run.secrets.publish(real, readable_again=as_described, bound=bound_of(run, real, again))


def leave_failed_result(run: StepJobRun, described: dict[str, Any], to_result: ToResult) -> None:
    """Leave what there is of a job that has failed, for a step that runs upon the failure.

    The note that :meth:`~airflow_sm_pipelines.jobs.step_run.StepRun.fail` leaves says that it is no success.
    """
    left = to_result(run.adapter.failed_result(described))
    published = run.secrets.publish(left, readable_again=True, bound=bound_of(run, left, left))
    run.output.push(RESULT_KEY, published.shown)
