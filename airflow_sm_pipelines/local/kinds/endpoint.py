"""Endpoints."""

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.kinds.base import Action, Handler
from airflow_sm_pipelines.local.kinds.endpoint_config import EndpointConfigKind
from airflow_sm_pipelines.local.kinds.resource import ResourceKind
from airflow_sm_pipelines.local.scenario import JobRule
from airflow_sm_pipelines.local.timeline import Phase, Timeline
from airflow_sm_pipelines.local.world import Job, merged

NO_CAPACITY = "The primary container for production variant did not pass the ping health check."


class EndpointKind(ResourceKind):
    """CreateEndpoint, UpdateEndpoint and their family.

    A rule's outcome Failed makes a creation fail and an update roll back to the former configuration.
    """

    kind = "endpoint"
    label = "Endpoint"
    resource = "endpoint"
    noun = "endpoint"
    list_key = "Endpoints"

    def __init__(self, configs: EndpointConfigKind) -> None:
        self._configs = configs

    def actions(self) -> Mapping[str, Handler]:
        return {**super().actions(), "UpdateEndpoint": self.update}

    def make(self, action: Action, name: str) -> Job:
        config = self._configs.existing(action)
        job = super().make(action, name)
        job.facts["configs"] = [(action.now, config)]
        failed, end = self._rule(action, job)
        job.timeline = Timeline((Phase(action.now, "Creating"), Phase(end, "Failed" if failed else "InService")))
        return job

    def _rule(self, action: Action, job: Job) -> tuple[bool, float]:
        """Whether what begins now is to fail, and when it ends."""
        job.rule = action.world.rule(self.kind, job.name) or JobRule()
        failed = job.rule.outcome == "Failed"
        job.failure_reason = (job.rule.failure_reason or NO_CAPACITY) if failed else None
        given = job.rule.duration
        return failed, action.now + (action.world.defaults.duration if given is None else given)

    def update(self, action: Action) -> dict[str, Any]:
        """Begin to change the configuration of an endpoint that is in service."""
        job, now = self.existing(action), action.now
        config = self._configs.existing(action)
        self._refuse_in_progress(job, now)
        failed, end = self._rule(action, job)
        former = job.facts["configs"][-1][1]
        middle = now + (end - now) / 2
        job.facts["configs"].append((now, config))
        updating, ready = Phase(now, "Updating"), Phase(end, "InService")
        if failed:
            job.facts["configs"].append((middle, former))
            action.world.plan(job, job.timeline.then(now, updating, Phase(middle, "RollingBack"), ready))
        else:
            action.world.plan(job, job.timeline.then(now, updating, ready))
        return {"EndpointArn": job.arn}

    def delete(self, action: Action) -> dict[str, Any]:
        self._refuse_in_progress(self.existing(action), action.now)
        return super().delete(action)

    def _refuse_in_progress(self, job: Job, now: float) -> None:
        if not job.timeline.ended(now):
            raise invalid(f'Cannot update in-progress endpoint "{job.arn}".')

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
