"""The Bedrock steps: what they make is created, and waited for until it is ready (semantics 2.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from botocore.exceptions import ClientError
from typing_extensions import override

from airflow_sm_pipelines.aws.letter_case import from_api, to_api
from airflow_sm_pipelines.jobs.job import is_existing, operation
from airflow_sm_pipelines.operators.user_named import NamedStepOperator
from airflow_sm_pipelines.step_types import (
    bedrock_custom_model,
    bedrock_custom_model_deployment,
    bedrock_model_import,
    bedrock_provisioned_model_throughput,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.stringify import Json

IDEMPOTENCY_FIELD = "ClientRequestToken"


class BedrockStepOperator(NamedStepOperator, SageMakerBaseOperator):
    """A step that makes something in Bedrock. Its result is the Get response, in PascalCase.

    The request carries the record's token: a Create call that is made again after a lost reply gives the same thing.
    So a name that is in use is someone else's, and an error. Bedrock has no call that stops what these steps begin: a
    killed step leaves it under way (and provisioned throughput costs until it is deleted).
    """

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        return {IDEMPOTENCY_FIELD: self.record.token, **super().complete_request(request)}

    @override
    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        return super()._left_by_earlier_try(context, client) if self.record.submitted else None

    @override
    def create(self, context: Context, client: Any) -> None:
        shape = client.meta.service_model.operation_model(self.kind.create).input_shape
        try:
            operation(client, self.kind.create)(**to_api(self.config, shape))
        except ClientError as error:
            if is_existing(error):
                self._fail_call(context, error)
            raise
        self.save(context, submitted=True)

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        model = self.access.client(self.kind.service).meta.service_model
        result: dict[str, Any] = from_api(described, model.operation_model(self.kind.describe).output_shape)
        return result


class BedrockCustomModelStepOperator(BedrockStepOperator):
    """A BedrockCustomModel step. Its result is the GetCustomModel response."""

    kind = bedrock_custom_model.KIND


class BedrockCustomModelDeploymentStepOperator(BedrockStepOperator):
    """A BedrockCustomModelDeployment step. Its result is the GetCustomModelDeployment response."""

    kind = bedrock_custom_model_deployment.KIND

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        return {**super().result_of(described), "ModelDeploymentArn": described[self.kind.arn_field]}


class BedrockModelImportStepOperator(BedrockStepOperator):
    """A BedrockModelImport step. Its result is the GetModelImportJob response."""

    kind = bedrock_model_import.KIND


class BedrockProvisionedModelThroughputStepOperator(BedrockStepOperator):
    """A BedrockProvisionedModelThroughput step. Its result is the GetProvisionedModelThroughput response."""

    kind = bedrock_provisioned_model_throughput.KIND
