"""BedrockCustomModel: CreateCustomModel of Amazon Bedrock (semantics 2.16).

Arguments and properties are written in PascalCase.
"""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.bedrock import GUIDE, BedrockAdapter
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations
from airflow_sm_pipelines.step_types.datasets import DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType, job_calls

KIND = JobKind(
    noun="custom model",
    create="CreateCustomModel",
    describe="GetCustomModel",
    stop=None,
    name_field="ModelName",
    describe_field="modelIdentifier",
    arn_field="modelArn",
    status_field="modelStatus",
    succeeded=("Active",),
    failed=("Failed",),
    service="bedrock",
    tags_field="ModelTags",
    role_field="RoleArn",
    reason_field="failureMessage",
)

STEP_TYPE = StepType(
    name="BedrockCustomModel",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.BedrockCustomModelStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=BedrockAdapter,
    calls=job_calls(KIND),
    arguments=ApiShape("bedrock", "CreateCustomModel"),
    properties=ApiShape("bedrock", "GetCustomModel"),
    datasets=DatasetPaths(inputs=("ModelSourceConfig.S3DataSource.S3Uri",)),
    user_named=True,
    console=ConsoleLocations("bedrock/home?region={region}#/custom-models"),
    guide=GUIDE,
)
