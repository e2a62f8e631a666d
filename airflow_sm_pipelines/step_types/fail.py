"""Fail: a step that fails with the definition's message (semantics 2.9)."""

from __future__ import annotations

from airflow_sm_pipelines.definition.step_types import NO_SETTINGS
from airflow_sm_pipelines.step_types.step_type import StepType

MAX_MESSAGE_LENGTH = 3072
"""How many characters of its resolved ErrorMessage a Fail step shows."""

STEP_TYPE = StepType(
    name="Fail",
    syntax=NO_SETTINGS,
    operator="airflow_sm_pipelines.operators.fail.FailStepOperator",
    instance_of="airflow.sdk.BaseOperator",
    limits=(f"{MAX_MESSAGE_LENGTH} characters of its message",),
)
