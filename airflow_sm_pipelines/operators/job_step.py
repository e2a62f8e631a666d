"""Job: CreateJob (semantics 2.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from botocore import __version__ as botocore_version
from msgspec.structs import replace
from typing_extensions import override

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.job import CATEGORY_FIELD, KIND

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json


class CategoryJobStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A Job step. Its result is the DescribeJob response.

    A job is known by its name and its category. The API is younger than the oldest botocore that is supported: without
    it, the step fails when it is reached.
    """

    kind = KIND

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        shown = super().resolve(context, scope)
        self.kind = replace(KIND, asked_with={CATEGORY_FIELD: str(self.config.get(CATEGORY_FIELD, ""))})
        return shown

    @override
    def prepare(self, context: Context, client: Any) -> None:
        if KIND.create not in client.meta.service_model.operation_names:
            failure = StepFailure(
                f"Step {self.task_id!r} failed: the installed botocore {botocore_version} does not know"
                f" sagemaker:{KIND.create}. Install a newer one."
            )
            self.fail_attempt(context, failure)
