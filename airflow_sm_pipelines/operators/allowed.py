"""What a step is about to name to AWS, against what the deployment allows: judged before the step's first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.values import resolve
from airflow_sm_pipelines.validation.allow_list import AllowList
from airflow_sm_pipelines.validation.check_allowed import named_roles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.expressions.scope import TaskScope
    from airflow_sm_pipelines.operators.step import StepOperator

NO_LIMIT = AllowList()


def check_allowed(operator: StepOperator, scope: TaskScope) -> None:
    """Judge the step's type, region, roles, function and queue, as they are resolved.

    :raises StepFailure: with all that is not allowed
    :raises UnresolvedError: for an expression among them that gives nothing
    """
    if operator.settings.allowed != NO_LIMIT and (refusals := [*_refusals(operator, scope)]):
        raise StepFailure(f"Step {operator.step.name!r} failed: {'; '.join(refusals)}.")


def _refusals(operator: StepOperator, scope: TaskScope) -> Iterator[str]:
    allowed, step = operator.settings.allowed, operator.step
    judged = [allowed.refuse_step_type(step.type)]
    if allowed.regions:
        judged.append(allowed.refuse_region(operator.access.region))
    if allowed.role_arns:
        for path, given in named_roles(step, operator.step_type):
            role = operator.pipeline.role_arn if given is None else _text(given, scope)
            if role is not None and given is not None:
                role = operator.pipeline.roles.of(role, path)
            judged.append(None if role is None else allowed.refuse_role(role))
    for key, refuse in (("FunctionArn", allowed.refuse_function), ("SqsQueueUrl", allowed.refuse_queue)):
        given = step.settings.get(key)
        if given is not None and (text := _text(given, scope)) is not None:
            judged.append(refuse(text))
    yield from dict.fromkeys(refusal for refusal in judged if refusal is not None)


def _text(value: Value, scope: TaskScope) -> str | None:
    """A resolved value, where it is a text: AWS refuses what is none."""
    resolved = resolve(value, scope)
    return resolved if isinstance(resolved, str) else None


def check_place(operator: StepOperator, uri: str) -> None:
    """Judge a place in S3 before Airflow itself reads or writes there.

    :raises StepFailure: where it is not allowed
    """
    if (refusal := operator.settings.allowed.refuse_s3(uri)) is not None:
        raise StepFailure(f"Step {operator.step.name!r} failed: {refusal}.")
