"""AutoML: CreateAutoMLJob, and CreateAutoMLJobV2 where the Arguments are of its shape (semantics 2.6)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.kind import JobKind
from airflow_sm_pipelines.catalog.step_type import RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="AutoML job",
    create="CreateAutoMLJob",
    describe="DescribeAutoMLJob",
    stop="StopAutoMLJob",
    name_field="AutoMLJobName",
    describe_field="AutoMLJobName",
    arn_field="AutoMLJobArn",
    status_field="AutoMLJobStatus",
    name_limit=32,
)
KIND_V2 = JobKind(
    noun="AutoML job",
    create="CreateAutoMLJobV2",
    describe="DescribeAutoMLJobV2",
    stop="StopAutoMLJob",
    name_field="AutoMLJobName",
    describe_field="AutoMLJobName",
    arn_field="AutoMLJobArn",
    status_field="AutoMLJobStatus",
    name_limit=32,
)
# Members that only the request of the second version has.
MEMBERS_OF_V2 = ("AutoMLJobInputDataConfig", "AutoMLProblemTypeConfig", "AutoMLComputeConfig", "DataSplitConfig")

STEP_TYPE = StepType(
    name="AutoML",
    operator="airflow_sm_pipelines.steps.automl.AutoMLStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerAutoMLOperator",
    kind=KIND,
    calls=(*job_calls(KIND), "sagemaker:CreateAutoMLJobV2", "sagemaker:DescribeAutoMLJobV2"),
    arguments=sagemaker("CreateAutoMLJob"),
    properties=sagemaker("DescribeAutoMLJob"),
    extra_properties=("BestCandidateProperties",),
    retries=RetryTypes.ALL,
    cached=True,
)
