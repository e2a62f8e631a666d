"""What a step is retried for: its own policies with their defaults, and what the service does besides (semantics 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.jobs.retry_decision import (
    DEFAULT_BACKOFF_RATE,
    DEFAULT_INTERVAL_SECONDS,
    DEFAULT_MAX_ATTEMPTS,
    SERVICE_DEFAULT,
    RetryRules,
)
from airflow_sm_pipelines.report.model import Retry

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import RetryPolicy, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

ALWAYS_RETRIED = SERVICE_DEFAULT.exception_types
"""What every step is retried for, without a policy of its own."""


def retries_of(step: Step, step_type: StepType | None = None) -> tuple[Retry, ...]:
    """Every policy that holds for a step, in the order in which they are asked; without its type, all as written."""
    policies = step.retry_policies or ()
    if step_type is not None:
        policies = step_type.retries.honoured(policies)
    own = [
        _filled(policy, f"{step.path}.RetryPolicies[{index}]")
        for index, policy in enumerate(policies)
        if policy.exception_types
    ]
    defaults = RetryRules.of_step(policies, 0).policies[len(policies) :]
    return (*own, *(_filled(policy, None) for policy in defaults))


def _filled(policy: RetryPolicy, path: str | None) -> Retry:
    attempts, minutes = policy.max_attempts, policy.expire_after_minutes
    if attempts is None and minutes is None:
        attempts = DEFAULT_MAX_ATTEMPTS
    return Retry(
        exception_types=policy.exception_types,
        interval=DEFAULT_INTERVAL_SECONDS if policy.interval_seconds is None else policy.interval_seconds,
        backoff=DEFAULT_BACKOFF_RATE if policy.backoff_rate is None else policy.backoff_rate,
        attempts=attempts,
        minutes=minutes,
        path=path,
    )
