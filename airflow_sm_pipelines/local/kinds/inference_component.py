"""Inference components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_sm_pipelines.local.kinds.action import Action, Handler
from airflow_sm_pipelines.local.kinds.deployed import DeployedKind
from airflow_sm_pipelines.local.kinds.endpoint import EndpointKind
from airflow_sm_pipelines.local.state import Job, merged
from airflow_sm_pipelines.local.timeline import Phase


class InferenceComponentKind(DeployedKind):
    """CreateInferenceComponent and its family, on an endpoint that is there.

    A rule's outcome Failed makes a creation fail, and an update return to the former specification.
    """

    kind = "inference-component"
    label = "InferenceComponent"
    resource = "inference-component"
    noun = "inference component"
    list_key = "InferenceComponents"
    failure_reason = "Insufficient resources on the endpoint for the inference component."

    def __init__(self, endpoints: EndpointKind) -> None:
        self._endpoints = endpoints

    def actions(self) -> Mapping[str, Handler]:
        return {**super().actions(), "UpdateInferenceComponent": self.update}

    def make(self, action: Action, name: str) -> Job:
        if not action.state.exists_before("endpoint", action.parameters["EndpointName"]):
            self._endpoints.existing(action)
        job = super().make(action, name)
        job.facts["states"] = [(action.now, action.parameters)]
        return job

    def update(self, action: Action) -> dict[str, Any]:
        """Begin to change a component that is in service."""
        job, now = self.existing(action), action.now
        self.refuse_in_progress(job, now, "update")
        failed, end = self.begin(action, job)
        former = job.facts["states"][-1][1]
        job.facts["states"].append((now, former | action.parameters))
        if failed:
            job.facts["states"].append((end, former))
        action.state.plan(job, job.timeline.then(now, Phase(now, "Updating"), Phase(end, "InService")))
        return {"InferenceComponentArn": job.arn}

    def delete(self, action: Action) -> dict[str, Any]:
        self.refuse_in_progress(self.existing(action), action.now, "delete")
        return super().delete(action)

    def describe(self, action: Action) -> dict[str, Any]:
        job, now = self.existing(action), action.now
        state: dict[str, Any] = next(state for at, state in reversed(job.facts["states"]) if at <= now)
        result = self.summary(job, now)
        if "Specification" in state:
            result["Specification"] = _described(state["Specification"])
        if "Specifications" in state:
            result["Specifications"] = [_described(one) for one in state["Specifications"]]
        copies = state.get("RuntimeConfig", {}).get("CopyCount")
        if copies is not None:
            ready = copies if result["InferenceComponentStatus"] == "InService" else 0
            result["RuntimeConfig"] = {"DesiredCopyCount": copies, "CurrentCopyCount": ready}
        if job.failure_reason and job.timeline.ended(now):
            result["FailureReason"] = job.failure_reason
        return merged(result, job.rule.describe)

    def summary(self, job: Job, now: float) -> dict[str, Any]:
        current, endpoint = job.timeline.current(now), job.request["EndpointName"]
        result = super().summary(job, now) | {
            "InferenceComponentStatus": current.status,
            "LastModifiedTime": current.at,
            "EndpointName": endpoint,
            "EndpointArn": self._endpoints.arn(job.region, endpoint),
        }
        return result | {key: job.request[key] for key in ("VariantName",) if key in job.request}


def _described(specification: Mapping[str, Any]) -> dict[str, Any]:
    """A specification as Describe shows it: the image of a container that was asked for is a deployed one."""
    container = dict(specification.get("Container", {}))
    if image := container.pop("Image", None):
        container["DeployedImage"] = {"SpecifiedImage": image}
    return {**specification, **({"Container": container} if container else {})}
