"""Batch transform jobs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.runnable import RunnableKind
from airflow_sm_pipelines.local.state import EndpointState, Job, arn
from airflow_sm_pipelines.local_runner.contract import Contract, Request
from airflow_sm_pipelines.local_runner.transform import TransformContract


class TransformKind(RunnableKind):
    """CreateTransformJob and its family."""

    kind = "transform"
    step_type = "Transform"
    label = "TransformJob"
    resource = "transform-job"
    noun = "transform job"
    log_group = "/aws/sagemaker/TransformJobs"
    start_time = "TransformStartTime"
    end_time = "TransformEndTime"
    filled_in = MappingProxyType({"DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}})

    def check(self, action: Action) -> None:
        name = action.parameters["ModelName"]
        known = action.state.exists_before("model", name)
        if not known and action.state.find("model", action.region, name, action.now) is None:
            raise invalid(f'Could not find model "{arn(action.region, f"model/{name.lower()}")}".')

    def request(self, state: EndpointState, job: Job) -> Request:
        model = state.find("model", job.region, job.request["ModelName"], job.created)
        return Request(job.name, job.arn, job.region, job.request, None if model is None else model.request)

    def contract(self, request: Request) -> Contract:
        return TransformContract(request)

    def image(self, request: Request) -> str:
        model = request.model or {}
        container: Mapping[str, Any] = model.get("PrimaryContainer") or next(iter(model.get("Containers", ())), {})
        image: str = container.get("Image", "")
        return image

    def time_limit(self, _request: Mapping[str, Any]) -> float | None:
        return None

    def hosts(self, request: Mapping[str, Any]) -> int:
        return int(request["TransformResources"]["InstanceCount"])

    def output_uri(self, job: Job, _name: str) -> str | None:
        uri: str = job.request["TransformOutput"]["S3OutputPath"]
        return uri
