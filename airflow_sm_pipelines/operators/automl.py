"""AutoML: CreateAutoMLJob or CreateAutoMLJobV2 (semantics 2.6)."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerAutoMLOperator
from typing_extensions import override

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.step_types.automl import KIND, STEP_TYPE

# The files that AWS writes below a candidate's artifact locations; their names are not documented.
REPORTS = MappingProxyType(
    {
        "ModelInsightsJsonReportPath": ("ModelInsights", "statistics.json"),
        "ExplainabilityJsonReportPath": ("Explainability", "analysis.json"),
    }
)


class AutoMLStepOperator(JobStepOperator, SageMakerAutoMLOperator):
    """An AutoML step.

    Its result is the Describe response and, as ``BestCandidateProperties``, the S3 URIs of the best reports.
    """

    kind = KIND
    provider_arguments = MappingProxyType(
        {"job_name": "", "s3_input": "", "target_attribute": "", "s3_output": "", "role_arn": ""}
    )

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.kind = STEP_TYPE.used_with(self.step.arguments).kind or KIND

    @override
    def result_of(self, described: dict[str, Any]) -> dict[str, Any]:
        candidate = described.get("BestCandidate", {})
        locations = candidate.get("CandidateProperties", {}).get("CandidateArtifactLocations", {})
        reports = {
            name: f"{locations[location].rstrip('/')}/{file}"
            for name, (location, file) in REPORTS.items()
            if location in locations
        }
        return {**described, "BestCandidateProperties": reports}
