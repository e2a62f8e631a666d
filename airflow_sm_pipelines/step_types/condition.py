"""Condition: a branch (semantics 4)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.step_type import StepType

STEP_TYPE = StepType(
    name="Condition",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.condition.ConditionStepOperator",
    instance_of="airflow.sdk.BaseBranchOperator",
    extra_properties=("Outcome",),
)
