"""What an execution of SageMaker Pipelines did: its definition, its parameters, and what it says of each step."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

ARN = re.compile(
    r"arn:(?P<partition>[\w-]+):sagemaker:(?P<region>[\w-]+):(?P<account>\d{12})"
    r":pipeline/(?P<pipeline>[^/]+)/execution/(?P<id>[^/]+)"
)

SUCCEEDED = "Succeeded"
_ENDED_WELL = (SUCCEEDED, "CompletedWithFailures")


class ExecutionArn(Struct, frozen=True):
    """The parts of an execution's ARN."""

    text: str
    partition: str
    region: str
    account: str
    pipeline: str
    id: str

    @classmethod
    def of(cls, text: str) -> ExecutionArn:
        """:raises ValueError: for what is no such ARN"""
        found = ARN.fullmatch(text)
        if found is None:
            form = "arn:aws:sagemaker:REGION:ACCOUNT:pipeline/NAME/execution/ID"
            raise ValueError(f"{text!r} is no ARN of an execution: {form}")
        return cls(text, **found.groupdict())


class ServiceStep(Struct, frozen=True):
    """A step of the execution; ``metadata`` is what the service says of its job, by the type's word for it."""

    name: str
    status: str
    metadata: Mapping[str, Mapping[str, Any]]
    started: datetime | None = None
    is_cached: bool = False
    is_taken_over: bool = False
    """Whether its result is that of another execution, because it was not selected."""

    @property
    def outcome(self) -> bool:
        """The branch that a Condition step took."""
        return str(self.metadata.get("Condition", {}).get("Outcome")).lower() == "true"

    @property
    def job(self) -> str | None:
        """The ARN of the job that it made, None where the service names none."""
        for member in self.metadata.values():
            arn = member.get("Arn") or member.get("CheckJobArn")
            if arn:
                return str(arn)
        return None


class Execution(Struct, frozen=True):
    """An execution. ``parameters`` are texts, as the service gives them; ``role_arn`` is the pipeline's own now."""

    arn: ExecutionArn
    status: str
    created: datetime
    definition: str
    parameters: Mapping[str, str]
    steps: Mapping[str, ServiceStep]
    role_arn: str | None
    is_selective: bool

    @property
    def has_run_all(self) -> bool:
        """Whether each step that could run has run: a failure, a stop and a selection keep some from it."""
        return self.status in _ENDED_WELL and not self.is_selective


def read_execution(client: Any, arn: ExecutionArn) -> Execution:
    """Ask SageMaker for all that it shows of an execution.

    :raises botocore.exceptions.ClientError: where there is none, or it cannot be asked
    """
    named = {"PipelineExecutionArn": arn.text}
    described = client.describe_pipeline_execution(**named)
    defined = client.describe_pipeline_definition_for_execution(**named)
    return Execution(
        arn=arn,
        status=described["PipelineExecutionStatus"],
        created=described["CreationTime"],
        definition=defined["PipelineDefinition"],
        parameters={
            one["Name"]: one["Value"]
            for page in client.get_paginator("list_pipeline_parameters_for_execution").paginate(**named)
            for one in page["PipelineParameters"]
        },
        steps=_steps(client, named),
        role_arn=_role_of(client, arn),
        is_selective="SelectiveExecutionConfig" in described,
    )


def _steps(client: Any, named: Mapping[str, str]) -> dict[str, ServiceStep]:
    """Those outside of loops, by name; of one that stands there several times, the last attempt."""
    found: dict[str, ServiceStep] = {}
    for page in client.get_paginator("list_pipeline_execution_steps").paginate(**named, SortOrder="Ascending"):
        for one in page["PipelineExecutionSteps"]:
            if "IterationContext" not in one:
                found[one["StepName"]] = ServiceStep(
                    name=one["StepName"],
                    status=one["StepStatus"],
                    metadata=one.get("Metadata", {}),
                    started=one.get("StartTime"),
                    is_cached="CacheHitResult" in one,
                    is_taken_over="SelectiveExecutionResult" in one,
                )
    return found


def _role_of(client: Any, arn: ExecutionArn) -> str | None:
    from botocore.exceptions import ClientError

    from airflow_sm_pipelines.aws.calls import is_missing

    try:
        return str(client.describe_pipeline(PipelineName=arn.pipeline)["RoleArn"])
    except ClientError as error:
        if is_missing(error):
            return None
        raise
