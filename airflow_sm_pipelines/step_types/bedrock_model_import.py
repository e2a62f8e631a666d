"""BedrockModelImport: CreateModelImportJob of Amazon Bedrock (semantics 2.16).

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
    noun="model import job",
    create="CreateModelImportJob",
    describe="GetModelImportJob",
    stop=None,
    name_field="JobName",
    describe_field="jobIdentifier",
    arn_field="jobArn",
    status_field="status",
    succeeded=("Completed",),
    failed=("Failed",),
    service="bedrock",
    tags_field="JobTags",
    role_field="RoleArn",
    reason_field="failureMessage",
)

STEP_TYPE = StepType(
    name="BedrockModelImport",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.BedrockModelImportStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    adapter=BedrockAdapter,
    calls=job_calls(KIND),
    arguments=ApiShape("bedrock", "CreateModelImportJob"),
    properties=ApiShape("bedrock", "GetModelImportJob"),
    datasets=DatasetPaths(inputs=("ModelDataSource.S3DataSource.S3Uri",)),
    user_named=True,
    console=ConsoleLocations("bedrock/home?region={region}#/import-models"),
    guide=GUIDE,
)
