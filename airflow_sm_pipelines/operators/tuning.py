"""Tuning: CreateHyperParameterTuningJob (semantics 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTuningOperator
from typing_extensions import override

from airflow_sm_pipelines.expressions.stringify import Json
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.tuning import KIND, MOST_SUMMARIES

SORT_ORDERS = {"Maximize": "Descending", "Minimize": "Ascending"}


class TuningStepOperator(JobStepOperator, SageMakerTuningOperator):
    """A Tuning step.

    Its result is the DescribeHyperParameterTuningJob response and, as ``TrainingJobSummaries``, at most 50 of its
    training jobs from ListTrainingJobsForHyperParameterTuningJob, the best by the objective first.
    """

    kind = KIND

    @override
    def complete_request(self, request: dict[str, Json]) -> dict[str, Json]:
        completed = super().complete_request(request)
        if self.pipeline.role_arn is not None:
            for definition in _training_job_definitions(completed):
                definition.setdefault("RoleArn", self.pipeline.role_arn)
        return completed

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        listing: dict[str, Any] = {
            KIND.name_field: described[KIND.name_field],
            "SortBy": "FinalObjectiveMetricValue",
            "MaxResults": MOST_SUMMARIES,
        }
        if (goal := _objective(described)) is not None:
            listing["SortOrder"] = SORT_ORDERS[goal]
        response = self.access.client("sagemaker").list_training_jobs_for_hyper_parameter_tuning_job(**listing)
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
