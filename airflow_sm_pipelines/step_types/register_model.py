"""RegisterModel: CreateModelPackage (semantics 2.7, 14.8)."""

from __future__ import annotations

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
A model package group that is absent is made. A package that AWS validates is waited for; when it fails, the step
tells each validation and image scan that failed, by name, with AWS's reason. AWS has no call that stops a validation:
a killed step leaves it under way. In a group the `ClientToken` makes sure that a call whose reply was lost makes no
second version.
""",
)

STEP_TYPE = StepType(
    name="RegisterModel",
    operator="airflow_sm_pipelines.operators.register_model.RegisterModelStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerBaseOperator",
    kind=KIND,
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
