"""Endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.deployed import DeployedKind
from airflow_sm_pipelines.local.kinds.endpoint_config import EndpointConfigKind
from airflow_sm_pipelines.local.state import Job, merged
from airflow_sm_pipelines.local.timeline import Phase


class EndpointKind(DeployedKind):
    """CreateEndpoint, UpdateEndpoint and their family.

    A rule's outcome Failed makes a creation fail and an update roll back to the former configuration.
    """

    kind = "endpoint"
    label = "Endpoint"
    resource = "endpoint"
    noun = "endpoint"
    list_key = "Endpoints"
    failure_reason = "The primary container for production variant did not pass the ping health check."

    def __init__(self, configs: EndpointConfigKind) -> None:
        self._configs = configs

    def actions(self) -> Mapping[str, Handler]:
        return {**super().actions(), "UpdateEndpoint": self.update}

    def make(self, action: Action, name: str) -> Job:
        config = self._configs.existing(action)
        job = super().make(action, name)
        job.facts["configs"] = [(action.now, config)]
        return job

    def update(self, action: Action) -> dict[str, Any]:
        """Begin to change the configuration of an endpoint that is in service."""
        job, now = self.existing(action), action.now
        config = self._configs.existing(action)
        self.refuse_in_progress(job, now, "update")
        failed, end = self.begin(action, job)
        former = job.facts["configs"][-1][1]
        middle = now + (end - now) / 2
        job.facts["configs"].append((now, config))
        updating, ready = Phase(now, "Updating"), Phase(end, "InService")
        if failed:
            job.facts["configs"].append((middle, former))
            action.state.plan(job, job.timeline.then(now, updating, Phase(middle, "RollingBack"), ready))
        else:
            action.state.plan(job, job.timeline.then(now, updating, ready))
        return {"EndpointArn": job.arn}

    def delete(self, action: Action) -> dict[str, Any]:
        self.refuse_in_progress(self.existing(action), action.now, "update")
        return super().delete(action)

    def describe(self, action: Action) -> dict[str, Any]:
        job, now = self.existing(action), action.now
        config: Job = next(c for at, c in reversed(job.facts["configs"]) if at <= now)
        result = self.summary(job, now) | {"EndpointConfigName": config.name}
        if result["EndpointStatus"] in ("Creating", "Updating"):
            started = job.timeline.current(now).at
            result["PendingDeploymentSummary"] = {"EndpointConfigName": config.name, "StartTime": started}
        if job.timeline.ended(now) and result["EndpointStatus"] == "InService":
            result["ProductionVariants"] = [_variant(v) for v in config.request["ProductionVariants"]]
        if job.failure_reason and job.timeline.ended(now):
            result["FailureReason"] = job.failure_reason
        return merged(result, job.rule.describe)

    def summary(self, job: Job, now: float) -> dict[str, Any]:
        current = job.timeline.current(now)
        return super().summary(job, now) | {
            "EndpointStatus": current.status,
            "LastModifiedTime": current.at,
        }


def _variant(asked: Mapping[str, Any]) -> dict[str, Any]:
    result = {"VariantName": asked["VariantName"]}
    if "InitialInstanceCount" in asked:
        result |= dict.fromkeys(("CurrentInstanceCount", "DesiredInstanceCount"), asked["InitialInstanceCount"])
    weight = asked.get("InitialVariantWeight", 1.0)
    return result | {"CurrentWeight": weight, "DesiredWeight": weight}
