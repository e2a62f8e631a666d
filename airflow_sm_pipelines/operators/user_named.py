"""Steps whose Arguments give the very name of what they make, where others give a prefix (semantics 14.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.jobs.job import describe
from airflow_sm_pipelines.operators.job import JobStepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class NamedStepOperator(JobStepOperator):
    """A step that makes a resource under a name of the user's; without one, under a generated name.

    Members of the request that SageMaker Pipelines would refuse are passed on, and the task's log says so.
    """

    _name_is_given = False

    @override
    def _name_job(self, scope: TaskScope) -> None:
        given = self.step.arguments.get(self.kind.name_field)
        name = to_text(resolve(given, scope)) if given is not None else ""
        if not name:
            super()._name_job(scope)
            return
        self.amend(job_name=name)
        self._name_is_new = self._name_is_given = True

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        for member in self.step_type.refused_by_pipelines:
            if member in request:
                self.log.warning(
                    "SageMaker Pipelines refuses %s in a step of type %s; it is passed on", member, self.step.type
                )
        return super().complete_request(request)


class NewResourceOperator(NamedStepOperator):
    """A step that makes what was not there before.

    Whether a given name is free is looked at before the intent to create is on record. So what a later try finds
    under a recorded name is the step's own, made by a call whose reply was lost or whose worker died; and what the
    first try finds is not. (Where someone else takes the name between the two tries, that is not told apart.)
    """

    @override
    def prepare(self, context: Context, client: Any) -> None:
        if not self._name_is_given:
            return
        name = self.record.job_name
        try:
            existing = describe(client, self.kind, name)
        except StepFailure as unknown:
            # No intent is on record yet, and none may be put there by an unknown outcome.
            self.fail_attempt(context, StepFailure(str(unknown), unknown.exception_type))
        if existing is not None:
            failure = StepFailure(
                f"Step {self.task_id!r} failed: cannot create already existing {self.kind.noun} {name!r}"
                f" ({existing.get(self.kind.arn_field)}, of {existing.get('CreationTime')}). Nothing was changed."
                " A name that contains Execution.PipelineExecutionId is new in every run."
            )
            self.fail_attempt(context, failure)
