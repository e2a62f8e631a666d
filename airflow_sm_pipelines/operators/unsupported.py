"""What stands in the Dag for a step whose type cannot be executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowFailException
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.definition.step_types import cannot_be_run
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class UnsupportedStepOperator(StepOperator):
    """A step of a type that has no operator: its task fails with that message when it is reached."""

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        return self.shown_template()

    @override
    def run_step(self, context: Context) -> Any:
        message = (
            f"Step {self.step.name!r} failed: {cannot_be_run(self.step.type)}. The steps before it have run; what needs"
            " this step does not run."
        )
        self.step_run.report_failure(StepFailure(message))
        raise AirflowFailException(message)
