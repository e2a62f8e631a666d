"""EndpointConfig: CreateEndpointConfig (semantics 2.16, 14.8). It is done when the call returns."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.create_only import CreateOnlyAdapter
from airflow_sm_pipelines.step_types.deployed import GUIDE
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="endpoint configuration",
    create="CreateEndpointConfig",
    describe="DescribeEndpointConfig",
    stop=None,
    name_field="EndpointConfigName",
    describe_field="EndpointConfigName",
    arn_field="EndpointConfigArn",
    status_field=None,
    role_field=None,
)

STEP_TYPE = StepType(
    name="EndpointConfig",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.EndpointConfigStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerEndpointConfigOperator",
    kind=KIND,
    adapter=CreateOnlyAdapter,
    calls=job_calls(KIND),
    arguments=sagemaker("CreateEndpointConfig"),
    properties=sagemaker("DescribeEndpointConfig"),
    passed_roles=("ExecutionRoleArn",),
    retries=RetryTypes.ALL,
    cached=True,
    made_unique=True,
    refused_by_pipelines=("DataCaptureConfig", "ExplainerConfig"),
    console=ConsoleLocations(sagemaker_page("endpointConfig/{name}")),
    guide=GUIDE,
)
