"""RegisterModel: CreateModelPackage (semantics 2.7, 14.8)."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.aws.calls import is_existing, is_missing
from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.datasets import CONTAINER_MODEL, DatasetPaths, ModelPackageVersion
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import Guide, RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="model package",
    create="CreateModelPackage",
    describe="DescribeModelPackage",
    stop=None,
    name_field="ModelPackageName",
    describe_field="ModelPackageName",
    arn_field="ModelPackageArn",
    status_field="ModelPackageStatus",
    failed=("Failed",),
    role_field=None,
    usually_done=True,
    # A package in a group has the tags of its group.
    tags_field=None,
)

GUIDE = Guide(
    "RegisterModel",
    """\
```json
{"Name": "Register", "Type": "RegisterModel", "Arguments": {
  "ModelPackageGroupName": "abalone", "ModelApprovalStatus": "PendingManualApproval",
  "InferenceSpecification": {
    "Containers": [{"Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/serve:1",
      "ModelDataUrl": "s3://bucket/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}}}
```

```text
Register  RegisterModelStepOperator
```

The task makes a new version in the model package group `abalone`. If there is no such group, the task makes it first.

**Validation.** A package that AWS validates is waited for. When a validation or image scan fails, the step names each
that failed, by name, with AWS's reason. AWS has no call that stops a validation: a killed step leaves it under way.

**One version.** In a group the `ClientToken` makes sure that a call whose reply was lost makes no second version.
""",
)


GROUP_FIELD = "ModelPackageGroupName"
ARN_PREFIX = "arn:"
STATUSES = ("ValidationStatuses", "ImageScanStatuses")
METADATA_FIELD, GENERATED_BY = "MetadataProperties", "GeneratedBy"


class RegisterModelAdapter(JobAdapter):
    """A RegisterModel step. Its result is the DescribeModelPackage response.

    A package in a group has no name of its own: a client token made of the job's name lets the Create call be made
    again after a lost reply, and gives the same package.
    """

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        completed = {"ClientToken": self.run.record.token, **super().complete_request(request)}
        if completed.get(GROUP_FIELD):
            del completed[KIND.name_field]
        elif self.run.record.job_name.startswith(ARN_PREFIX):
            completed[KIND.name_field] = self.run.record.job_name.rpartition("/")[-1]
        return completed

    @override
    def finish_request(self, request: dict[str, Any]) -> dict[str, Any]:
        given = request.get(METADATA_FIELD) or {}
        if not isinstance(given, dict) or GENERATED_BY in given:
            return request
        execution_arn = self.run.execution_arn(request)
        if execution_arn is None:
            return request
        return {**request, METADATA_FIELD: {**given, GENERATED_BY: execution_arn}}

    @override
    def find(self) -> dict[str, Any] | None:
        if GROUP_FIELD in self.run.step.arguments and not self.run.record.job_name.startswith(ARN_PREFIX):
            return None
        return super().find()

    @override
    def create(self) -> None:
        client = self.run.client_calling_once()
        if group := self.run.request.get(GROUP_FIELD):
            _ensure_group(self.run.client(), client, str(group))
        self.run.rename(client.create_model_package(**self.run.request)[KIND.arn_field])
        self.run.save()

    @override
    def reason(self, described: dict[str, Any]) -> str | None:
        """What AWS says of each validation and image scan that failed."""
        details = described.get("ModelPackageStatusDetails") or {}
        reasons = [
            f"{status['Name']} is {status['Status']}: {status.get('FailureReason') or 'AWS gives no reason'}"
            for member in STATUSES
            for status in details.get(member) or ()
            if status["Status"] in KIND.failed
        ]
        return "; ".join(reasons) or super().reason(described)


def _ensure_group(reading: Any, client: Any, group: str) -> None:
    """Create the model package group if it is absent, as the service does."""
    if group.startswith(ARN_PREFIX):
        return
    try:
        reading.describe_model_package_group(ModelPackageGroupName=group)
    except reading.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        try:
            client.create_model_package_group(ModelPackageGroupName=group)
        except client.exceptions.ClientError as creation_error:
            if not is_existing(creation_error):
                raise


STEP_TYPE = StepType(
    name="RegisterModel",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.RegisterModelStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=RegisterModelAdapter,
    calls=(
        "sagemaker:DescribeModelPackageGroup",
        "sagemaker:CreateModelPackageGroup",
        *job_calls(KIND),
    ),
    arguments=sagemaker("CreateModelPackage"),
    properties=sagemaker("DescribeModelPackage"),
    passed_roles=("ValidationSpecification.ValidationRole",),
    retries=RetryTypes.CALLS,
    cached=False,
    datasets=DatasetPaths(inputs=tuple(f"InferenceSpecification.Containers[].{path}" for path in CONTAINER_MODEL)),
    model_package=ModelPackageVersion(
        group="ModelPackageGroupName", described=("ModelPackageArn", "ModelPackageVersion", "ModelApprovalStatus")
    ),
    console=ConsoleLocations(sagemaker_page("model-packages")),
    guide=GUIDE,
)
