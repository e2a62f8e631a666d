"""InferenceComponent: CreateInferenceComponent, or UpdateInferenceComponent where it exists (semantics 2.16, 14.8)."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.deployed import GUIDE
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import StepType, job_calls, sagemaker

KIND = JobKind(
    noun="inference component",
    create="CreateInferenceComponent",
    describe="DescribeInferenceComponent",
    stop=None,
    name_field="InferenceComponentName",
    describe_field="InferenceComponentName",
    arn_field="InferenceComponentArn",
    status_field="InferenceComponentStatus",
    succeeded=("InService",),
    failed=("Failed", "Deleting"),
    role_field=None,
)
UPDATE = "UpdateInferenceComponent"

STEP_TYPE = StepType(
    name="InferenceComponent",
    operator="airflow_sm_pipelines.operators.inference_component.InferenceComponentStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS, f"sagemaker:{UPDATE}"),
    arguments=sagemaker("CreateInferenceComponent"),
    properties=sagemaker("DescribeInferenceComponent"),
    user_named=True,
    console=ConsoleLocations(sagemaker_page("endpoints/{EndpointName}"), "/aws/sagemaker/InferenceComponents/{name}"),
    guide=GUIDE,
)
