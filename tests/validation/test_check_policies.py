"""Policies and caches on types for which the service does not honour them are told."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_sm_pipelines.definition import Finding, Severity
from tests.definition.build import document, planned, step


def warnings(*steps: Any) -> tuple[Finding, ...]:
    found = planned(document(*steps)).pipeline.warnings
    assert all(finding.severity is Severity.WARNING for finding in found)
    return found


JOB_POLICY = {"ExceptionType": ["Step.THROTTLING", "SageMaker.CAPACITY_ERROR"]}
CALL_POLICY = {"ExceptionType": ["Step.THROTTLING"]}
INNER_POLICY = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"]}


@pytest.mark.parametrize(
    ("value", "path", "part"),
    [
        (step(kind="Model", RetryPolicies=[CALL_POLICY, JOB_POLICY]), "RetryPolicies[1].ExceptionType", "CAPACITY"),
        (step(kind="Tuning", RetryPolicies=[CALL_POLICY, INNER_POLICY]), "RetryPolicies[1].ExceptionType", "by itself"),
        (step(kind="AutoML", RetryPolicies=[INNER_POLICY]), "RetryPolicies[0].ExceptionType", "by itself"),
        (step(kind="Endpoint", RetryPolicies=[CALL_POLICY]), "RetryPolicies", "honours no RetryPolicies on Endpoint"),
        (step(kind="Model", CacheConfig={"Enabled": True, "ExpireAfter": "1d"}), "CacheConfig", "no results of Model"),
        (step(kind="Job", CacheConfig={"Enabled": True, "ExpireAfter": "1d"}), "CacheConfig", "no results of Job"),
    ],
)
def test_policies_without_effect(value: Any, path: str, part: str) -> None:
    [finding] = warnings(value)
    assert finding.path == f"$.Steps[0].{path}"
    assert part in finding.message


def test_policies_with_effect() -> None:
    cache = {"Enabled": True, "ExpireAfter": "1d"}
    off = {"Enabled": False}
    assert (
        warnings(
            step("A", RetryPolicies=[JOB_POLICY], CacheConfig=cache),
            step("B", "Model", RetryPolicies=[CALL_POLICY], CacheConfig=off),
            step("C", "Endpoint", RetryPolicies=[]),
            step("D", "Job", RetryPolicies=[JOB_POLICY]),
        )
        == ()
    )
