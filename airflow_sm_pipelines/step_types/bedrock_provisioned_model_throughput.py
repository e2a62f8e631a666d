"""BedrockProvisionedModelThroughput: CreateProvisionedModelThroughput of Amazon Bedrock (semantics 2.16).

Arguments and properties are written in PascalCase.
"""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.bedrock import GUIDE, BedrockAdapter
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType, job_calls

KIND = JobKind(
    noun="provisioned throughput",
    create="CreateProvisionedModelThroughput",
    describe="GetProvisionedModelThroughput",
    stop=None,
    name_field="ProvisionedModelName",
    describe_field="provisionedModelId",
    arn_field="provisionedModelArn",
    status_field="status",
    succeeded=("InService",),
    failed=("Failed",),
    service="bedrock",
    role_field=None,
    reason_field="failureMessage",
)

STEP_TYPE = StepType(
    name="BedrockProvisionedModelThroughput",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.BedrockProvisionedModelThroughputStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=BedrockAdapter,
    calls=job_calls(KIND),
    arguments=ApiShape("bedrock", "CreateProvisionedModelThroughput"),
    properties=ApiShape("bedrock", "GetProvisionedModelThroughput"),
    user_named=True,
    console=ConsoleLocations("bedrock/home?region={region}#/provisioned-throughput"),
    guide=GUIDE,
)
