"""Condition: a branch (semantics 4)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.step_type import StepType

STEP_TYPE = StepType(
    name="Condition",
    operator="airflow_sm_pipelines.steps.condition.ConditionStepOperator",
    instance_of="airflow.sdk.BaseBranchOperator",
    extra_properties=("Outcome",),
)
