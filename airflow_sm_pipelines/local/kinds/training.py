"""Training jobs."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.local.backend import Moto
from airflow_sm_pipelines.local.errors import AwsError, invalid
from airflow_sm_pipelines.local.kinds.life import Ending, Stage
from airflow_sm_pipelines.local.kinds.outputs import put_file
from airflow_sm_pipelines.local.kinds.runnable import RunnableKind
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job
from airflow_sm_pipelines.local_runner.contract import Contract, Request
from airflow_sm_pipelines.local_runner.job_run import DOWNLOADING, RUNNING, UPLOADING
from airflow_sm_pipelines.local_runner.training import TrainingContract

OVER_TIME = "MaxRuntimeExceeded"


class TrainingKind(RunnableKind):
    """CreateTrainingJob and its family."""

    kind = "training"
    step_type = "Training"
    label = "TrainingJob"
    resource = "training-job"
    noun = "training job"
    log_group = "/aws/sagemaker/TrainingJobs"
    start_time = "TrainingStartTime"
    end_time = "TrainingEndTime"
    waiting = Stage(0.0, "Starting", "Preparing the instances for training")
    stages = (
        Stage(0.1, "Downloading", "Downloading the training image"),
        Stage(0.2, "Training", "Training image download completed. Training in progress."),
        Stage(0.9, "Uploading", "Uploading generated training model"),
    )
    phases = MappingProxyType(
        {
            phase: (stage.detail, stage.message)
            for phase, stage in zip((DOWNLOADING, RUNNING, UPLOADING), stages, strict=True)
        }
    )
    summary_keys = ("SecondaryStatus",)
    filled_in = MappingProxyType(
        dict.fromkeys(
            (
                "EnableNetworkIsolation",
                "EnableInterContainerTrafficEncryption",
                "EnableManagedSpotTraining",
            ),
            False,
        )
    )

    def already_there(self, job: Job) -> AwsError:
        return AwsError(
            "ResourceInUse",
            "Training job names must be unique within an AWS account and region, "
            f"and a training job with this name already exists ({job.arn})",
        )

    def not_there(self, _name: str) -> AwsError:
        return invalid("Requested resource not found.")

    def ending(self, rule: JobRule) -> Ending:
        reason = rule.failure_reason or "AlgorithmError: , exit code: 1"
        failed = rule.outcome == "Failed"
        return Ending(rule.outcome, rule.outcome, self.message_of(rule.outcome), reason if failed else None)

    def past_limit(self) -> Ending:
        return Ending("Stopped", OVER_TIME, self.message_of(OVER_TIME))

    def message_of(self, outcome: str) -> str:
        if outcome == OVER_TIME:
            return "Training job runtime exceeded MaxRuntimeInSeconds provided"
        return super().message_of(outcome)

    def contract(self, request: Request) -> Contract:
        return TrainingContract(request)

    def image(self, request: Request) -> str:
        image: str = request.body.get("AlgorithmSpecification", {}).get("TrainingImage", "")
        return image

    def details(self, job: Job, now: float) -> dict[str, Any]:
        reached, ended = job.timeline.reached(now), job.timeline.ended(now)
        result: dict[str, Any] = {
            "SecondaryStatus": reached[-1].detail,
            "SecondaryStatusTransitions": _transitions(job, now),
        }
        if reached[-1].status == "Completed":
            result["ModelArtifacts"] = {"S3ModelArtifacts": artifact_uri(job)}
            metrics = job.facts.get("metrics") or {name: values[0] for name, values in job.rule.metrics.items()}
            if metrics:
                result["FinalMetricDataList"] = [
                    {"MetricName": name, "Value": value, "Timestamp": job.timeline.end.at}
                    for name, value in metrics.items()
                ]
        if ended and job.started <= job.timeline.end.at:
            seconds = max(1, round(job.timeline.end.at - job.started))
            result |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
        return {**result, **self.members(job, now), **job.facts.get("describe", {})}

    def hosts(self, request: Mapping[str, Any]) -> int:
        return int(request.get("ResourceConfig", {}).get("InstanceCount", 1))

    def output_uri(self, job: Job, _name: str) -> str | None:
        """Where the container of an ``@step`` function writes its results by itself."""
        uri: str | None = job.request["OutputDataConfig"]["S3OutputPath"]
        return uri

    def completed(self, job: Job, moto: Moto) -> None:
        put_file(moto, artifact_uri(job), model_archive(job.name), job.region)


def artifact_uri(job: Job) -> str:
    """Where a training job's model is."""
    config = job.request["OutputDataConfig"]
    model = "model/" if config.get("CompressionType") == "NONE" and "folder" in job.facts else "model.tar.gz"
    return f"{config['S3OutputPath'].rstrip('/')}/{job.name}/output/{model}"


def model_archive(name: str) -> bytes:
    """A small real ``model.tar.gz``, the same bytes for the same name."""
    content = json.dumps({"trained_by": name}).encode()
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        entry = tarfile.TarInfo("model.json")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)


def _transitions(job: Job, now: float) -> list[dict[str, Any]]:
    reached = job.timeline.reached(now)
    ends: list[float | None] = [phase.at for phase in reached[1:]]
    ends.append(reached[-1].at if job.timeline.ended(now) else None)
    return [
        {"Status": phase.detail, "StartTime": phase.at, "StatusMessage": phase.message}
        | ({} if end is None else {"EndTime": end})
        for phase, end in zip(reached, ends, strict=True)
    ]
