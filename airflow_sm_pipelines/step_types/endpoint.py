"""Endpoint: CreateEndpoint, or UpdateEndpoint where there is one of that name (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.deployed import GUIDE
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import StepType, job_calls, sagemaker

KIND = JobKind(
    noun="endpoint",
    create="CreateEndpoint",
    describe="DescribeEndpoint",
    stop=None,
    name_field="EndpointName",
    describe_field="EndpointName",
    arn_field="EndpointArn",
    status_field="EndpointStatus",
    succeeded=("InService",),
    failed=("Failed", "OutOfService", "UpdateRollbackFailed", "Deleting"),
    role_field=None,
)
UPDATE = "UpdateEndpoint"

STEP_TYPE = StepType(
    name="Endpoint",
    operator="airflow_sm_pipelines.operators.endpoint.EndpointStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerEndpointOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS, f"sagemaker:{UPDATE}"),
    arguments=sagemaker("CreateEndpoint"),
    properties=sagemaker("DescribeEndpoint"),
    cached=True,
    user_named=True,
    refused_by_pipelines=("DeploymentConfig",),
    console=ConsoleLocations(sagemaker_page("endpoints/{name}"), "/aws/sagemaker/Endpoints/{name}"),
    guide=GUIDE,
)
