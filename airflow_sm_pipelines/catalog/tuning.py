"""Tuning: CreateHyperParameterTuningJob (semantics 2.5), of one algorithm or several, with or without a warm start."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.kind import JobKind
from airflow_sm_pipelines.catalog.step_type import RetryTypes, StepType, job_calls, sagemaker

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
    role_field=None,
    console="hyper-tuning-jobs/{name}",
)

STEP_TYPE = StepType(
    name="Tuning",
    operator="airflow_sm_pipelines.steps.tuning.TuningStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTuningOperator",
    kind=KIND,
    calls=(*job_calls(KIND), "sagemaker:ListTrainingJobsForHyperParameterTuningJob"),
    arguments=sagemaker("CreateHyperParameterTuningJob"),
    properties=sagemaker("DescribeHyperParameterTuningJob"),
    extra_properties=("TrainingJobSummaries",),
    retries=RetryTypes.ALL,
    cached=True,
)
