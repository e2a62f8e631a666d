"""BedrockCustomModelDeployment: CreateCustomModelDeployment of Amazon Bedrock (semantics 2.16).

Arguments and properties are written in PascalCase.
"""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.bedrock import GUIDE, BedrockAdapter
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType, job_calls

KIND = JobKind(
    noun="custom model deployment",
    create="CreateCustomModelDeployment",
    describe="GetCustomModelDeployment",
    stop=None,
    name_field="ModelDeploymentName",
    describe_field="customModelDeploymentIdentifier",
    arn_field="customModelDeploymentArn",
    status_field="status",
    succeeded=("Active",),
    failed=("Failed",),
    service="bedrock",
    role_field=None,
    reason_field="failureMessage",
)


class DeploymentAdapter(BedrockAdapter):
    """A BedrockCustomModelDeployment step. Its result is the GetCustomModelDeployment response."""

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        return {**super().result(described), "ModelDeploymentArn": described[self.kind.arn_field]}


STEP_TYPE = StepType(
    name="BedrockCustomModelDeployment",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.BedrockCustomModelDeploymentStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=DeploymentAdapter,
    calls=job_calls(KIND),
    arguments=ApiShape("bedrock", "CreateCustomModelDeployment"),
    properties=ApiShape("bedrock", "GetCustomModelDeployment"),
    # The SageMaker SDK names the ARN so, where the API has CustomModelDeploymentArn.
    extra_properties=("ModelDeploymentArn",),
    user_named=True,
    console=ConsoleLocations("bedrock/home?region={region}#/custom-models"),
    guide=GUIDE,
)
