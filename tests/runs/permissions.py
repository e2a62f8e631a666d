"""Whether a run kept to the policy that ``sm-pipelines iam`` prints for its definition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.local.records import LoggedRequest
from airflow_sm_pipelines.report.iam import policy_of
from airflow_sm_pipelines.report.iam_actions import PASSING, TAGGING, action_of
from airflow_sm_pipelines.validation.severities import WARNINGS

# No policy can withhold it.
FREE_OF_PERMISSIONS = {"sts:GetCallerIdentity"}
# What a test's own worker does while a run is under way.
OF_THE_TEST = {"sqs:CreateQueue"}
TAG_MEMBERS = ("Tags", "tags", "modelTags", "jobTags")
ROLE_MEMBERS = ("ValidationRole", "ServiceRole", "JobFlowRole", "AutoScalingRole")


def outside_the_policy(definition: Mapping[str, Any] | Path, requests: Iterable[LoggedRequest]) -> set[str]:
    """The actions, and the roles passed, that the policy of a definition does not allow."""
    planned = plan(definition, unsupported_steps="placeholder", values=WARNINGS)
    statements = policy_of(planned)["Statement"]
    allowed = {action for statement in statements for action in statement["Action"]}
    passed = {role for statement in statements if PASSING in statement["Action"] for role in statement["Resource"]}
    needed = {action for request in requests for action in _actions(request)}
    roles = {role for request in requests for role in _roles(request.parameters)}
    return (needed - allowed - FREE_OF_PERMISSIONS - OF_THE_TEST) | (set() if "*" in passed else roles - passed)


def _actions(request: LoggedRequest) -> Iterator[str]:
    yield action_of(f"{request.service}:{request.action}")
    if any(request.parameters.get(member) for member in TAG_MEMBERS):
        yield TAGGING[request.service]


def _roles(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from _roles(element)
    elif isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and (name.lower().endswith("rolearn") or name in ROLE_MEMBERS):
                yield member if member.startswith("arn:") else f"arn:*:iam::*:role/{member}"
            else:
                yield from _roles(member)
