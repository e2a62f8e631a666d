"""What a step is retried for: its own policies with their defaults, and what the service does besides (semantics 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.report.model import Retry

if TYPE_CHECKING:
    from airflow_sm_pipelines.definition.model import RetryPolicy, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

# jobs/retry_decision.py has the same figures, and a test keeps them the same: this room must not import it.
INTERVAL_SECONDS = 1
BACKOFF_RATE = 2.0
MAX_ATTEMPTS = 5
ALWAYS_RETRIED = ("Step.SERVICE_FAULT", "Step.THROTTLING")


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
    named = {name for policy in policies for name in policy.exception_types}
    missing = tuple(name for name in ALWAYS_RETRIED if name not in named)
    default = Retry(missing, INTERVAL_SECONDS, BACKOFF_RATE, MAX_ATTEMPTS, None, None)
    return (*own, default) if missing else tuple(own)


def _filled(policy: RetryPolicy, path: str) -> Retry:
    attempts, minutes = policy.max_attempts, policy.expire_after_minutes
    if attempts is None and minutes is None:
        attempts = MAX_ATTEMPTS
    return Retry(
        exception_types=policy.exception_types,
        interval=INTERVAL_SECONDS if policy.interval_seconds is None else policy.interval_seconds,
        backoff=BACKOFF_RATE if policy.backoff_rate is None else policy.backoff_rate,
        attempts=attempts,
        minutes=minutes,
        path=path,
    )
