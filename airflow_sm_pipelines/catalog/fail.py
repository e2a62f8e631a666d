"""Fail: a step that fails with the definition's message (semantics 2.9)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.step_type import StepType

STEP_TYPE = StepType(
    name="Fail",
    operator="airflow_sm_pipelines.steps.fail.FailStepOperator",
    instance_of="airflow.sdk.BaseOperator",
)
