"""The IAM policy that the credentials of a pipeline's Dag need: what its steps call, and no more."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.expressions import JsonGet
from airflow_sm_pipelines.report.iam_actions import (
    PASSING,
    READING,
    READING_EVENTS,
    actions_of,
    has_events,
    is_tagged,
    optional_actions_of,
)
from airflow_sm_pipelines.report.iam_deletions import deletion_statements
from airflow_sm_pipelines.step_types import cleanup
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.roles import roles_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.step_types.step_type import StepType

ANY = "*"
TAGS = "Tags"
OPTIONAL_LISTS = "OptionalJobLists"
"""The statement that a deployment may leave out: each job is then described, however many there are."""


OPTIONAL_EVENTS = "OptionalJobEvents"
"""Likewise: the end of a job is then seen in its interval."""
QUEUE_URL = re.compile(r"https?://(?:sqs\.([a-z0-9-]+)|([a-z0-9-]+)\.queue)\.[^/]+/(\d{12})/([^/]+)")


def policy_of(plan: Plan, job_events_queue_url: str | None = None) -> dict[str, Any]:
    """A policy document: a statement for each step type of the pipeline, the files and logs it reads, where it deletes,
    and the roles it passes.

    A role or place in S3 that is known only when the pipeline runs is ``*``, and so is a role that neither a step nor
    the pipeline names: a setting of the deployment may.

    :param job_events_queue_url: the queue from which a triggerer learns that jobs have ended, where there is one
    """
    actions: dict[str, set[str]] = {}
    lists: set[str] = set()
    roles: set[str] = set()
    log_groups: set[str] = set()
    reads = False
    for step in _steps(plan):
        reads = reads or any(isinstance(located.expression, JsonGet) for located in step.expressions)
        step_type = plan.type_of(step)
        if step_type is None:
            continue
        tagged = is_tagged(step_type) or _has_tags(step.arguments)
        needed = actions_of(step_type, step_type.calls, tagged=tagged, experiment=plan.pipeline.experiment is not None)
        actions.setdefault(_sid(step.type), set()).update(needed)
        lists.update(optional_actions_of(step_type))
        roles.update(_roles(step_type, step.arguments, plan.pipeline.role_arn))
        if step_type.console.log_group_pattern is not None:
            log_groups.add(step_type.console.log_group_pattern)
    # What a Cleanup step calls is allowed where its sources write, and not anywhere.
    actions.pop(_sid(cleanup.NAME), None)
    statements = [_statement(sid, sorted(needed), [ANY]) for sid, needed in sorted(actions.items()) if needed]
    steps = {step.name: step for step in _steps(plan)}
    statements += deletion_statements((step for step in steps.values() if step.type == cleanup.NAME), steps)
    if reads:
        statements.append(_statement("PropertyFiles", list(READING), [ANY]))
    if log_groups:
        resources = [f"arn:*:logs:*:*:log-group:{group}:*" for group in sorted(log_groups)]
        statements.append(_statement("Logs", sorted(LOG_CALLS), resources))
    if roles:
        statements.append(_statement("Roles", [PASSING], [ANY] if ANY in roles else sorted(roles)))
    if lists:
        statements.append(_statement(OPTIONAL_LISTS, sorted(lists), [ANY]))
    if job_events_queue_url and any(has_events(plan.type_of(step)) for step in _steps(plan)):
        statements.append(_statement(OPTIONAL_EVENTS, list(READING_EVENTS), [_queue_arn(job_events_queue_url)]))
    return {"Version": "2012-10-17", "Statement": statements}


def _steps(plan: Plan) -> Iterator[Step]:
    """The steps that make calls: the body of a ForEach step makes its own."""
    for step in plan.graph.steps:
        yield step
        if step.for_each is not None:
            yield from step.for_each.body


def _queue_arn(url: str) -> str:
    found = QUEUE_URL.fullmatch(url)
    return ANY if found is None else f"arn:*:sqs:{found[1] or found[2]}:{found[3]}:{found[4]}"


def _sid(step_type: str) -> str:
    """A statement's id, for which IAM takes letters and digits."""
    return f"{re.sub('[^A-Za-z0-9]', '', step_type)}Steps"


def _statement(sid: str, actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources}


def _has_tags(arguments: Mapping[str, Value]) -> bool:
    """Whether a definition gives tags to what a step makes: to one thing, or to one of several in a list."""
    if arguments.get(TAGS) is not None:
        return True
    lists = (member for member in arguments.values() if isinstance(member, tuple))
    return any(isinstance(one, Mapping) and one.get(TAGS) is not None for members in lists for one in members)


def _roles(step_type: StepType, arguments: Mapping[str, Value], role_arn: str | None) -> Iterator[str]:
    """The roles that a step passes to AWS; ``role_arn`` is the pipeline's own."""
    for _, given in roles_of(step_type, arguments):
        yield _role(given if given is not None else role_arn)


def _role(given: Value) -> str:
    if not isinstance(given, str):
        return ANY
    return given if given.startswith("arn:") else f"arn:*:iam::*:role/{given}"
