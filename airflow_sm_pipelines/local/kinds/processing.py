"""Processing jobs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.local.kinds.runnable import RunnableKind
from airflow_sm_pipelines.local.state import Job
from airflow_sm_pipelines.local_runner.contract import Contract, Request
from airflow_sm_pipelines.local_runner.processing import ProcessingContract


class ProcessingKind(RunnableKind):
    """CreateProcessingJob and its family."""

    kind = "processing"
    step_type = "Processing"
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
        return self.members(job, now)

    def contract(self, request: Request) -> Contract:
        return ProcessingContract(request)

    def image(self, request: Request) -> str:
        image: str = request.body["AppSpecification"]["ImageUri"]
        return image

    def time_limit(self, request: Mapping[str, Any]) -> float | None:
        return super().time_limit({**self.filled_in, **request})

    def hosts(self, request: Mapping[str, Any]) -> int:
        return int(request["ProcessingResources"]["ClusterConfig"]["InstanceCount"])

    def output_uri(self, job: Job, name: str) -> str | None:
        for output in job.request.get("ProcessingOutputConfig", {}).get("Outputs", ()):
            if output["OutputName"] == name:
                uri: str | None = output.get("S3Output", {}).get("S3Uri")
                return uri
        return None
