"""Tuning: CreateHyperParameterTuningJob (semantics 2.5), of one algorithm or several, with or without a warm start."""

from __future__ import annotations

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.datasets import CHANNEL, DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import CacheKey, RetryTypes, StepType, job_calls, sagemaker

MOST_SUMMARIES = 50
"""How many training jobs the result lists."""

DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions[]")
"""The members of the request that tell of a training job."""

KIND = JobKind(
    noun="tuning job",
    create="CreateHyperParameterTuningJob",
    describe="DescribeHyperParameterTuningJob",
    stop="StopHyperParameterTuningJob",
    name_field="HyperParameterTuningJobName",
    describe_field="HyperParameterTuningJobName",
    arn_field="HyperParameterTuningJobArn",
    status_field="HyperParameterTuningJobStatus",
    name_limit=32,
    limit_fields=("HyperParameterTuningJobConfig.ResourceLimits.MaxRuntimeInSeconds",),
    # Those of its training jobs are its own.
    role_field=None,
)

STEP_TYPE = StepType(
    name="Tuning",
    operator="airflow_sm_pipelines.operators.tuning.TuningStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTuningOperator",
    kind=KIND,
    calls=(*job_calls(KIND), *LOG_CALLS, "sagemaker:ListTrainingJobsForHyperParameterTuningJob"),
    arguments=sagemaker("CreateHyperParameterTuningJob"),
    properties=sagemaker("DescribeHyperParameterTuningJob"),
    extra_properties=("TrainingJobSummaries",),
    defaulted_roles=tuple(f"{definition}.RoleArn" for definition in DEFINITIONS),
    retries=RetryTypes.ALL,
    cached=True,
    cache_key=CacheKey(
        arguments=(
            "HyperParameterTuningJobConfig",
            "TrainingJobDefinition.AlgorithmSpecification",
            "TrainingJobDefinition.HyperParameterRanges",
            "TrainingJobDefinition.InputDataConfig",
            "TrainingJobDefinition.StaticHyperParameters",
            "TrainingJobDefinition.TuningObjective",
            "TrainingJobDefinitions",
        )
    ),
    datasets=DatasetPaths(
        inputs=tuple(f"{definition}.{CHANNEL}" for definition in DEFINITIONS),
        outputs=tuple(f"{definition}.OutputDataConfig.S3OutputPath" for definition in DEFINITIONS),
    ),
    limits=(f"TrainingJobSummaries of the best {MOST_SUMMARIES} jobs",),
    console=ConsoleLocations(sagemaker_page("hyper-tuning-jobs/{name}"), "/aws/sagemaker/TrainingJobs", "{name}-"),
)
