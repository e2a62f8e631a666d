"""RetryPolicies and CacheConfig on step types for which the service does not honour them (semantics 7, 8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types.step_type import INTERNAL_ERROR, RetryTypes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.findings import FindingCollector
    from airflow_sm_pipelines.definition.model import Pipeline, RetryPolicy, Step
    from airflow_sm_pipelines.step_types.step_type import StepType

CALL_TYPES = ("Step.SERVICE_FAULT", "Step.THROTTLING")
"""The exception types that any call to AWS can end with; the others are those of jobs."""


def check_policies(pipeline: Pipeline, step_types: Mapping[str, StepType], collector: FindingCollector) -> None:
    """A warning for each of them. Types that are not known are not checked."""
    for step in pipeline.all_steps:
        known = step_types.get(step.type)
        if known is None:
            continue
        if step.retry_policies:
            _check_retries(step, known, collector)
        if step.cache is not None and step.cache.enabled is not False and not known.cached:
            message = f"SageMaker keeps no results of {step.type} steps for reuse: CacheConfig has no effect here"
            collector.warning(message, f"{step.path}.CacheConfig", step=step.name, code="cache-config-unused")


def _check_retries(step: Step, known: StepType, collector: FindingCollector) -> None:
    if known.retries is RetryTypes.NONE:
        message = f"SageMaker honours no RetryPolicies on {step.type} steps; here they hold"
        collector.warning(message, f"{step.path}.RetryPolicies", step=step.name, code="retry-policy-unused")
    for index, policy in enumerate(step.retry_policies or ()):
        if reason := _unused(policy, step.type, known.retries):
            place = f"{step.path}.RetryPolicies[{index}].ExceptionType"
            collector.warning(reason, place, step=step.name, code="retry-policy-unused")


def _unused(policy: RetryPolicy, step_type: str, retries: RetryTypes) -> str | None:
    if retries is RetryTypes.CALLS:
        others = [name for name in policy.exception_types if name not in CALL_TYPES]
        only = f"{step_type} steps are retried for {' and '.join(CALL_TYPES)} only"
        return f"{only}, not for {', '.join(others)}" if others else None
    if retries is RetryTypes.ALL_BUT_INTERNAL and INTERNAL_ERROR in policy.exception_types:
        return (
            f"SageMaker retries the jobs inside a {step_type} step by itself: for {INTERNAL_ERROR} no policy starts"
            " another one"
        )
    return None
