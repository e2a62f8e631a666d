"""Training: CreateTrainingJob (semantics 2.2), also for ``@step`` functions, notebook jobs and model repacking."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, job_console
from airflow_sm_pipelines.step_types.datasets import CHANNEL, DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import ONE_DAY, JobKind
from airflow_sm_pipelines.step_types.step_type import CacheKey, RetryTypes, StepType, job_calls, sagemaker

KIND = JobKind(
    noun="training job",
    create="CreateTrainingJob",
    describe="DescribeTrainingJob",
    stop="StopTrainingJob",
    name_field="TrainingJobName",
    describe_field="TrainingJobName",
    arn_field="TrainingJobArn",
    status_field="TrainingJobStatus",
    variable="TrainingJobName",
    started_field="TrainingStartTime",
    limit_fields=("StoppingCondition.MaxRuntimeInSeconds",),
    default_limit=ONE_DAY,
    linkable_configs=("ExperimentConfig", "MlflowConfig"),
)
CONSOLE = job_console("jobs/{name}", "TrainingJobs")

STEP_TYPE = StepType(
    name="Training",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.TrainingStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTrainingOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS),
    arguments=sagemaker("CreateTrainingJob"),
    properties=sagemaker("DescribeTrainingJob"),
    retries=RetryTypes.ALL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "AlgorithmSpecification",
            "CheckpointConfig",
            "DebugHookConfig",
            "DebugRuleConfigurations",
            "Environment",
            "HyperParameters",
            "InputDataConfig",
        )
    ),
    datasets=DatasetPaths(
        inputs=(CHANNEL,), outputs=("OutputDataConfig.S3OutputPath",), results=("ModelArtifacts.S3ModelArtifacts",)
    ),
    console=CONSOLE,
)
