"""Jobs of the newer API: CreateJob, by category."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.local.errors import AwsError
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.base import SimulatedKind
from airflow_sm_pipelines.local.kinds.life import Stage
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.state import Job, arn

RUNNING = {"AgentRFT": "Training", "AgentRFTEvaluation": "Evaluating"}


class CategoryJobKind(SimulatedKind):
    """CreateJob and its family. Jobs of different categories are asked for by name and category."""

    kind = "job"
    label = "Job"
    resource = "job"
    noun = "job"
    log_group = "/aws/sagemaker/Jobs"
    end_time = "EndTime"
    waiting = Stage(0.0, "Starting", "Starting the job")
    stages = (Stage(0.0, "Starting", "Starting the job"), Stage(0.3, "Running", "Running the job"))
    summary_keys = ("JobCategory", "SecondaryStatus")

    def already_there(self, job: Job) -> AwsError:
        return AwsError("ResourceInUse", f"Job names must be unique within an account and region: {job.arn}")

    def not_there(self, name: str) -> AwsError:
        return AwsError("ResourceNotFound", f"Could not find job {name}.")

    def make(self, action: Action, request: dict[str, Any], rule: JobRule, created: float) -> Job:
        job = super().make(action, request, rule, created)
        job.arn = arn(action.region, f"job/{request['JobCategory'].lower()}/{job.name}")
        return job

    def existing(self, action: Action) -> Job:
        job = super().existing(action)
        if action.parameters["JobCategory"] != job.request["JobCategory"]:
            raise self.not_there(job.name)
        return job

    def details(self, job: Job, now: float) -> dict[str, Any]:
        reached = job.timeline.reached(now)
        ends = [*(phase.at for phase in reached[1:]), None]
        transitions = [
            {"Status": self._detail(job, phase.detail), "StartTime": phase.at, "StatusMessage": phase.message}
            | ({} if end is None else {"EndTime": end})
            for phase, end in zip(reached, ends, strict=True)
        ]
        return {
            "SecondaryStatus": self._detail(job, reached[-1].detail),
            "SecondaryStatusTransitions": transitions,
        }

    def _detail(self, job: Job, detail: str) -> str:
        return RUNNING[job.request["JobCategory"]] if detail == "Running" else detail
