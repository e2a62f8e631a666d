"""AutoML jobs, of both versions of the API."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.base import SimulatedKind
from airflow_sm_pipelines.local.kinds.life import Ending, Stage
from airflow_sm_pipelines.local.kinds.listing import cut
from airflow_sm_pipelines.local.kinds.outputs import put_file
from airflow_sm_pipelines.local.kinds.training import model_archive
from airflow_sm_pipelines.local.state import Job

# The metric AutoML optimises when the request names none, by problem type.
OBJECTIVES = {"Regression": "MSE", "BinaryClassification": "F1", "MulticlassClassification": "Accuracy"}
IMAGE = "local/sagemaker-autogluon-inference:latest"


PROBLEM = "AutoMLProblemTypeConfig"


class AutoMLKind(SimulatedKind):
    """CreateAutoMLJob, CreateAutoMLJobV2 and their family. A completed job has one candidate."""

    kind = "automl"
    label = "AutoMLJob"
    resource = "automl-job"
    noun = "AutoML job"
    log_group = "/aws/sagemaker/AutoMLJobs"
    end_time = "EndTime"
    waiting = Stage(0.0, "Starting", "")
    stages = (
        Stage(0.1, "AnalyzingData", ""),
        Stage(0.2, "ModelTuning", ""),
        Stage(0.8, "GeneratingExplainabilityReport", ""),
        Stage(0.9, "GeneratingModelInsightsReport", ""),
    )
    summary_keys = ("AutoMLJobSecondaryStatus",)

    def actions(self) -> Mapping[str, Handler]:
        return {
            **super().actions(),
            "CreateAutoMLJobV2": self.create,
            "DescribeAutoMLJobV2": super().describe,
            "ListCandidatesForAutoMLJob": self.list_candidates,
        }

    def already_there(self, job: Job) -> AwsError:
        return AwsError(
            "ResourceInUse",
            "AutoML job names must be unique within an AWS account and region, "
            f"and an AutoML job with this name already exists ({job.arn})",
        )

    def not_there(self, name: str) -> AwsError:
        return AwsError("ResourceNotFound", f"Could not find AutoML job with name {name}.")

    def describe(self, action: Action) -> dict[str, Any]:
        """A job of version 1: those of version 2 "cannot be described by DescribeAutoMLJob" (its documentation)."""
        job = self.existing(action)
        if PROBLEM in job.request:
            raise invalid(f"AutoML job {job.name} was created by CreateAutoMLJobV2: call DescribeAutoMLJobV2.")
        return super().describe(action)

    def time_limit(self, request: Mapping[str, Any]) -> float | None:
        config = next(iter(request.get(PROBLEM, {}).values()), request.get("AutoMLJobConfig", {}))
        criteria = config.get("CompletionCriteria", {})
        limit = criteria.get("MaxAutoMLJobRuntimeInSeconds")
        return None if limit is None else float(limit)

    def past_limit(self) -> Ending:
        return Ending("Completed", "MaxAutoMLJobRuntimeReached")

    def details(self, job: Job, now: float) -> dict[str, Any]:
        current = job.timeline.current(now)
        result: dict[str, Any] = {"AutoMLJobSecondaryStatus": current.detail}
        if PROBLEM in job.request:
            result["AutoMLProblemTypeConfigName"] = next(iter(job.request[PROBLEM])).removesuffix("JobConfig")
        if current.status == "Completed":
            result["BestCandidate"] = _candidate(job)
        return result

    def completed(self, job: Job, moto: Moto) -> None:
        candidate = _candidate(job)
        put_file(moto, candidate["InferenceContainers"][0]["ModelDataUrl"], model_archive(job.name), job.region)
        places = candidate["CandidateProperties"]["CandidateArtifactLocations"]
        for place, file in (("ModelInsights", "statistics.json"), ("Explainability", "analysis.json")):
            put_file(moto, f"{places[place]}/{file}", json.dumps({"automl_job": job.name}).encode(), job.region)

    def list_candidates(self, action: Action) -> dict[str, Any]:
        """The candidate of a completed job, or none."""
        job = self.existing(action)
        done = job.timeline.current(action.now).status == "Completed"
        page, token = cut([_candidate(job)] if done else [], action.parameters)
        return {"Candidates": page, **token}


def _environment(request: Mapping[str, Any]) -> dict[str, str]:
    """The members by which the SDK's ``get_best_auto_ml_model`` makes a model of the candidate."""
    labels = "predicted_label" if request.get("ProblemType") == "Regression" else "predicted_label,probability"
    return {
        "MODEL_NAME": "WeightedEnsemble_L2_FULL",
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        "SAGEMAKER_INFERENCE_OUTPUT": "predicted_label",
        "SAGEMAKER_INFERENCE_SUPPORTED": labels,
        "SAGEMAKER_PROGRAM": "tabular_serve.py",
        "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
    }


def _candidate(job: Job) -> dict[str, Any]:
    folder = f"{job.request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{job.name}"
    asked = job.request.get("AutoMLJobObjective", {}).get("MetricName")
    metric = asked or OBJECTIVES.get(job.request.get("ProblemType", ""), "F1")
    value = job.rule.metrics.get(metric, (0.9,))[0]
    return {
        "CandidateName": f"{job.name}-001",
        "FinalAutoMLJobObjectiveMetric": {"MetricName": metric, "Value": value},
        "ObjectiveStatus": "Succeeded",
        "CandidateSteps": [],
        "CandidateStatus": "Completed",
        "InferenceContainers": [
            {
                "Image": IMAGE,
                "ModelDataUrl": f"{folder}/sagemaker-automl-candidates/model.tar.gz",
                "Environment": _environment(job.request),
            }
        ],
        "CreationTime": job.started,
        "EndTime": job.timeline.end.at,
        "LastModifiedTime": job.timeline.end.at,
        "CandidateProperties": {
            "CandidateArtifactLocations": {
                "Explainability": f"{folder}/documentation/explainability/output",
                "ModelInsights": f"{folder}/documentation/model_monitor/output",
            }
        },
    }
