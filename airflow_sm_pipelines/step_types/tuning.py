"""Tuning: CreateHyperParameterTuningJob (semantics 2.5), of one algorithm or several, with or without a warm start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typing_extensions import override

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.adapter import JobAdapter
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS, ConsoleLocations, sagemaker_page
from airflow_sm_pipelines.step_types.datasets import CHANNEL, DatasetPaths
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.step_type import CacheKey, RetryTypes, StepType, job_calls, sagemaker

MAX_SUMMARIES = 50
"""How many training jobs the result lists."""

DEFINITIONS = ("TrainingJobDefinition", "TrainingJobDefinitions[]")
"""The members of the request that describe a training job."""

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

SORT_ORDERS = {"Maximize": "Descending", "Minimize": "Ascending"}


class TuningAdapter(JobAdapter):
    """A Tuning step.

    Its result is the DescribeHyperParameterTuningJob response and, as ``TrainingJobSummaries``, at most 50 of its
    training jobs from ListTrainingJobsForHyperParameterTuningJob, the best by the objective first.
    """

    @override
    def complete_request(self, request: dict[str, Any]) -> dict[str, Any]:
        completed = super().complete_request(request)
        if self.run.role_arn is not None:
            for definition in _training_job_definitions(completed):
                definition.setdefault("RoleArn", self.run.role_arn)
        return completed

    @override
    def result(self, described: dict[str, Any]) -> dict[str, Any]:
        listing: dict[str, Any] = {
            KIND.name_field: described[KIND.name_field],
            "SortBy": "FinalObjectiveMetricValue",
            "MaxResults": MAX_SUMMARIES,
        }
        if (goal := _objective(described)) is not None:
            listing["SortOrder"] = SORT_ORDERS[goal]
        response = self.run.client().list_training_jobs_for_hyper_parameter_tuning_job(**listing)
        return {**described, "TrainingJobSummaries": response["TrainingJobSummaries"]}


def _training_job_definitions(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if isinstance(definition := request.get("TrainingJobDefinition"), dict):
        yield definition
    yield from (one for one in request.get("TrainingJobDefinitions") or [] if isinstance(one, dict))


def _objective(described: dict[str, Any]) -> str | None:
    """Maximize or Minimize: of the tuning job, or of its algorithms, which share one goal."""
    objectives = [described.get("HyperParameterTuningJobConfig", {}).get("HyperParameterTuningJobObjective")]
    objectives += [definition.get("TuningObjective") for definition in _training_job_definitions(described)]
    return next((objective["Type"] for objective in objectives if objective), None)


STEP_TYPE = StepType(
    name="Tuning",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.sagemaker.TuningStepOperator",
    instance_of="airflow.providers.amazon.aws.operators.sagemaker.SageMakerTuningOperator",
    kind=KIND,
    adapter=TuningAdapter,
    calls=(*job_calls(KIND), *LOG_CALLS, "sagemaker:ListTrainingJobsForHyperParameterTuningJob"),
    arguments=sagemaker("CreateHyperParameterTuningJob"),
    properties=sagemaker("DescribeHyperParameterTuningJob"),
    extra_properties=("TrainingJobSummaries",),
    defaulted_roles=tuple(f"{definition}.RoleArn" for definition in DEFINITIONS),
    retries=RetryTypes.ALL_BUT_INTERNAL,
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
    limits=(f"TrainingJobSummaries of the best {MAX_SUMMARIES} jobs",),
    console=ConsoleLocations(sagemaker_page("hyper-tuning-jobs/{name}"), "/aws/sagemaker/TrainingJobs", "{name}-"),
)
