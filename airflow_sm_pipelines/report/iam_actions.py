"""The IAM actions that a step type needs, from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.job_events import label_of
from airflow_sm_pipelines.step_types.list_calls import list_call_of
from airflow_sm_pipelines.step_types.roles import defaulted_roles

if TYPE_CHECKING:
    from airflow_sm_pipelines.step_types.step_type import StepType

# Where IAM calls a service or an operation otherwise than the API does.
SERVICES = {"emr": "elasticmapreduce"}
OPERATIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:ListObjectsV2": "s3:ListBucket",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
}
# What a service wants beside its own action for a request with tags.
TAGGING = {
    "sagemaker": "sagemaker:AddTags",
    "emr": "elasticmapreduce:AddTags",
    "emr-serverless": "emr-serverless:TagResource",
    "bedrock": "bedrock:TagResource",
}
EXPERIMENTS = ("sagemaker:CreateExperiment", "sagemaker:CreateTrial", "sagemaker:DescribeTrial")
READING = ("s3:GetObject", "s3:ListBucket")
"""To read a file in S3, and to learn where it is not there."""
READING_EVENTS = ("sqs:DeleteMessage", "sqs:ReceiveMessage")
PASSING = "iam:PassRole"


def action_of(call: str) -> str:
    """The IAM action that an API operation (``service:Operation``) needs."""
    if call in OPERATIONS:
        return OPERATIONS[call]
    service, _, operation = call.partition(":")
    return f"{SERVICES.get(service, service)}:{operation}"


def actions_of(step_type: StepType, calls: tuple[str, ...], *, tagged: bool, experiment: bool) -> tuple[str, ...]:
    """The IAM actions for a step's own ``calls``, in their order.

    ``tagged`` says whether its request has tags, ``experiment`` whether it is part of one. Its role and its log are
    not in it: they are allowed on resources of their own.
    """
    actions = [action_of(call) for call in calls if call not in LOG_CALLS]
    actions += step_type.permissions
    services = dict.fromkeys(call.partition(":")[0] for call in calls)
    if tagged:
        actions += [TAGGING[service] for service in services if service in TAGGING]
    if experiment and takes_experiment(step_type):
        actions += EXPERIMENTS
    return tuple(dict.fromkeys(actions))


def optional_actions_of(step_type: StepType) -> tuple[str, ...]:
    """The IAM actions that save calls while jobs of a step type are waited for, and are not needed."""
    call = None if step_type.kind is None else list_call_of(step_type.kind)
    return () if call is None else (action_of(f"sagemaker:{call.operation}"),)


def has_events(step_type: StepType | None) -> bool:
    """Whether EventBridge has events of the jobs of a step type."""
    return step_type is not None and step_type.kind is not None and label_of(step_type.kind) is not None


def is_tagged(step_type: StepType) -> bool:
    """Whether the step puts tags of its own on what it makes."""
    return step_type.kind is not None and step_type.kind.tags_field is not None


def takes_experiment(step_type: StepType) -> bool:
    """Whether what a step runs can be part of an experiment."""
    return step_type.kind is not None and "ExperimentConfig" in step_type.kind.linkable_configs


def passes_roles(step_type: StepType) -> bool:
    """Whether a step hands a role to AWS."""
    return bool(defaulted_roles(step_type) or step_type.passed_roles)
