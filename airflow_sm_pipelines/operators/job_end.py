"""The end of a step's job: its result, or its failure told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from airflow_sm_pipelines.aws.failures import StepFailure, type_of_failure_reason
from airflow_sm_pipelines.expressions.results import to_result
from airflow_sm_pipelines.expressions.scope import JOB_KEY
from airflow_sm_pipelines.jobs.masking import is_sensitive
from airflow_sm_pipelines.jobs.time_limits import reason_of_limit
from airflow_sm_pipelines.operators.caching import remember
from airflow_sm_pipelines.operators.job_look import LookingJobOperator
from airflow_sm_pipelines.step_types.job_kind import JobState
from airflow_sm_pipelines.step_types.member_paths import member_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context


class EndingJobOperator(LookingJobOperator):
    """The part of a job's step that makes a result or a failure of a job that has ended.

    ``config`` is the resolved request.
    """

    config: dict[str, Any]

    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        """What the step's properties are read from; more AWS calls may be made for it."""
        return described

    def reason_of(self, described: dict[str, Any]) -> str:
        """Why a job failed, in AWS's words."""
        reason = member_at(described, self.kind.reason_field) or reason_of_limit(self.kind, described)
        return str(reason or "AWS gives no reason")

    def place_values(self) -> Mapping[str, str]:
        texts = {name: value for name, value in self.config.items() if isinstance(value, str)}
        return {**texts, **self.record.identifiers, "name": self.record.job_name}

    def _end(self, context: Context, described: dict[str, Any]) -> Any:
        self._job_in_flight = None
        if self.kind.state_of(described) is JobState.FAILED:
            self._fail_job(context, described)
        told = f"the result of the {self.kind.noun} {self.record.job_name} could not be read"
        result = self._patiently(context, None, told, lambda _: to_result(self.result_of(described), is_sensitive))
        job = self._push_job(context, described)
        remember(self, context, result, job)
        self.deliver(context)
        return result

    def _push_job(self, context: Context, described: dict[str, Any]) -> dict[str, Any]:
        job = {
            "job_name": self.record.job_name,
            "job_arn": member_at(described, self.kind.arn_field),
            "attempt": self.record.attempt,
            "step_type": self.step.type,
            **({"asked_with": self.kind.asked_with} if self.kind.asked_with else {}),
            **({"describe": self.kind.describe} if self.kind.describe != type(self).kind.describe else {}),
        }
        context["ti"].xcom_push(key=JOB_KEY, value=job)
        return job

    def _fail_job(self, context: Context, described: dict[str, Any]) -> NoReturn:
        reason = self.reason_of(described)
        detail = described.get("SecondaryStatus")
        status = self.kind.status_of(described)
        message = (
            f"Step {self.task_id!r} failed: the {self.kind.noun} {self.record.job_name} (attempt"
            f" {self.record.attempt}) ended as {status}{f' ({detail})' if detail not in (None, status) else ''}:"
            f" {reason}"
        )
        failure = StepFailure(self.with_places(message), type_of_failure_reason(reason))
        self._push_job(context, described)
        self.fail_attempt(context, failure)

    def _fail_outlived(self, context: Context, limit: str) -> NoReturn:
        """Stop a job that AWS has not ended in its time, and fail; ``limit`` tells of the time in words.

        Whether it heeds that is not known yet.
        """
        self._stop_job()
        message = (
            f"Step {self.task_id!r} failed: the {self.kind.noun} {self.record.job_name} (attempt {self.record.attempt})"
            f" outlived the limit of its request, and {self._fate}: {limit}."
        )
        self.fail_attempt(context, StepFailure(self.with_places(message), outcome_unknown=True))
