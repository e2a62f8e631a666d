"""Processing jobs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.local.kinds.base import JobKind
from airflow_sm_pipelines.local.state import Job


class ProcessingKind(JobKind):
    """CreateProcessingJob and its family."""

    kind = "processing"
    label = "ProcessingJob"
    resource = "processing-job"
    noun = "processing job"
    log_group = "/aws/sagemaker/ProcessingJobs"
    start_time = "ProcessingStartTime"
    end_time = "ProcessingEndTime"
    summary_keys = ("ExitMessage",)
    filled_in = MappingProxyType({"StoppingCondition": {"MaxRuntimeInSeconds": 86400}})

    def details(self, job: Job, now: float) -> dict[str, Any]:
        if job.rule.exit_message and job.timeline.ended(now):
            return {"ExitMessage": job.rule.exit_message}
        return {}

    def hosts(self, request: Mapping[str, Any]) -> int:
        return int(request["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    def output_uri(self, job: Job, name: str) -> str | None:
        for output in job.request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            if output["OutputName"] == name:
                uri: str | None = output.get("S3Output", {}).get("S3Uri")
                return uri
        return None
