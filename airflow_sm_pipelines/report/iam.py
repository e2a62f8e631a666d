"""The IAM policy that the credentials of a pipeline's Dag need: what its steps call, and no more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.catalog import STEP_TYPES
from airflow_sm_pipelines.catalog.places import LOG_CALLS
from airflow_sm_pipelines.definition.expressions import JsonGet

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Plan

# Where IAM calls a service or an operation otherwise than the API does.
SERVICES = {"emr": "elasticmapreduce"}
OPERATIONS = {
    "lambda:Invoke": "lambda:InvokeFunction",
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
READING = "s3:GetObject"
PASSING = "iam:PassRole"
ANY = "*"
# Members of EMR's requests that hold a role by its name or its ARN.
ROLE_NAMES = frozenset({"ServiceRole", "JobFlowRole", "AutoScalingRole"})


def action_of(call: str) -> str:
    """The IAM action that an API operation (``service:Operation``) needs."""
    if call in OPERATIONS:
        return OPERATIONS[call]
    service, _, operation = call.partition(":")
    return f"{SERVICES.get(service, service)}:{operation}"


def policy_of(plan: Plan) -> dict[str, Any]:
    """A policy document: a statement for each step type of the pipeline, the files and logs it reads, and the roles it
    passes.

    A role or place in S3 that is known only when the pipeline runs is ``*``.
    """
    actions: dict[str, set[str]] = {}
    roles: set[str] = set()
    log_groups: set[str] = set()
    reads = False
    for step in _steps(plan):
        step_type = STEP_TYPES.get(step.type)
        needed = actions.setdefault(step.type, set())
        needed.update(action_of(call) for call in (step_type.calls if step_type else ()) if call not in LOG_CALLS)
        if step_type is not None and step_type.places.log_group_pattern is not None:
            log_groups.add(step_type.places.log_group_pattern)
        services = {call.partition(":")[0] for call in (step_type.calls if step_type else ())}
        if step_type is not None and step_type.kind is not None:
            needed.update(TAGGING[service] for service in services & TAGGING.keys())
            if plan.pipeline.experiment is not None and "ExperimentConfig" in step_type.kind.joins:
                needed.update(EXPERIMENTS)
        if services:
            roles.update(_roles(step.arguments))
        reads = reads or any(isinstance(located.expression, JsonGet) for located in step.expressions)
    if plan.pipeline.role_arn is not None:
        roles.add(plan.pipeline.role_arn)
    statements = [
        _statement(f"{name}Steps", sorted(needed), [ANY]) for name, needed in sorted(actions.items()) if needed
    ]
    if reads:
        statements.append(_statement("PropertyFiles", [READING], [ANY]))
    if log_groups:
        resources = [f"arn:*:logs:*:*:log-group:{group}:*" for group in sorted(log_groups)]
        statements.append(_statement("Logs", sorted(LOG_CALLS), resources))
    if roles:
        statements.append(_statement("Roles", [PASSING], [ANY] if ANY in roles else sorted(roles)))
    return {"Version": "2012-10-17", "Statement": statements}


def _steps(plan: Plan) -> Iterator[Step]:
    """The steps that make calls: the body of a ForEach step makes its own."""
    for step in plan.graph.steps:
        yield step
        if step.for_each is not None:
            yield from step.for_each.body


def _statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _role(given: Value) -> str:
    if not isinstance(given, str):
        return ANY
    return given if given.startswith("arn:") else f"arn:*:iam::*:role/{given}"


def _roles(value: Value) -> Iterator[str]:
    """The roles that a request hands to AWS: members whose name ends in RoleArn, and EMR's."""
    if isinstance(value, tuple):
        for element in value:
            yield from _roles(element)
    elif isinstance(value, Mapping):
        for name, member in value.items():
            if name.lower().endswith("rolearn") or name in ROLE_NAMES:
                yield _role(member)
            else:
                yield from _roles(member)
