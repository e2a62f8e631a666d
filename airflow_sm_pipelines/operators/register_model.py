"""RegisterModel: CreateModelPackage (semantics 2.7, 14.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from botocore.exceptions import ClientError
from typing_extensions import override

from airflow_sm_pipelines.jobs.job import is_existing, is_missing
from airflow_sm_pipelines.operators.additions import execution_arn_for
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.register_model import KIND

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.expressions.stringify import Json

GROUP_FIELD = "ModelPackageGroupName"
ARN_PREFIX = "arn:"
STATUSES = ("ValidationStatuses", "ImageScanStatuses")
METADATA_FIELD, GENERATED_BY = "MetadataProperties", "GeneratedBy"


class RegisterModelStepOperator(JobStepOperator, SageMakerBaseOperator):
    """A RegisterModel step. Its result is the DescribeModelPackage response.

    It is no SageMakerRegisterModelVersionOperator: that one builds its own request with one container and text/csv.
    A package in a group has no name of its own: a client token made of the job's name lets the Create call be made
    again after a lost reply, and gives the same package.
    """

    kind = KIND

    @override
    def resolve(self, context: Context, scope: TaskScope) -> Json:
        request = super().resolve(context, scope)
        given = self.config.get(METADATA_FIELD) or {}
        if isinstance(given, dict) and GENERATED_BY not in given:
            execution_arn = execution_arn_for(self, self.config, scope)
            if execution_arn is not None:
                request = self.config = {**self.config, METADATA_FIELD: {**given, GENERATED_BY: execution_arn}}
        return request

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        completed = {"ClientToken": self.record.token, **super().complete_request(request)}
        if completed.get(GROUP_FIELD):
            del completed[KIND.name_field]
        elif self.record.job_name.startswith(ARN_PREFIX):
            completed[KIND.name_field] = self.record.job_name.rpartition("/")[-1]
        return completed

    @override
    def _left_by_earlier_try(self, context: Context, client: Any) -> dict[str, Any] | None:
        if GROUP_FIELD in self.step.arguments and not self.record.job_name.startswith(ARN_PREFIX):
            return None
        return super()._left_by_earlier_try(context, client)

    @override
    def reason_of(self, described: dict[str, Any]) -> str:
        """What AWS says of each validation and image scan that failed."""
        details = described.get("ModelPackageStatusDetails") or {}
        told = [
            f"{status['Name']} is {status['Status']}: {status.get('FailureReason') or 'AWS gives no reason'}"
            for member in STATUSES
            for status in details.get(member) or ()
            if status["Status"] in KIND.failed
        ]
        return "; ".join(told) or super().reason_of(described)

    @override
    def create(self, context: Context, client: Any) -> None:
        if group := self.config.get(GROUP_FIELD):
            _ensure_group(client, str(group))
        response = client.create_model_package(**self.config)
        self.save(context, job_name=response[KIND.arn_field])


def _ensure_group(client: Any, group: str) -> None:
    """Create the model package group if it is absent, as the service does."""
    if group.startswith(ARN_PREFIX):
        return
    try:
        client.describe_model_package_group(ModelPackageGroupName=group)
    except ClientError as error:
        if not is_missing(error):
            raise
        try:
            client.create_model_package_group(ModelPackageGroupName=group)
        except ClientError as creation_error:
            if not is_existing(creation_error):
                raise
