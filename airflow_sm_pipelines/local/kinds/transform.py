"""Batch transform jobs."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from airflow_sm_pipelines.local.errors import invalid
from airflow_sm_pipelines.local.kinds.action import Action
from airflow_sm_pipelines.local.kinds.base import JobKind
from airflow_sm_pipelines.local.state import Job, arn


class TransformKind(JobKind):
    """CreateTransformJob and its family."""

    kind = "transform"
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

    def hosts(self, request: Mapping[str, Any]) -> int:
        return int(request["TransformResources"]["InstanceCount"])

    def output_uri(self, job: Job, _name: str) -> str | None:
        uri: str = job.request["TransformOutput"]["S3OutputPath"]
        return uri
