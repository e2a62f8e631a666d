"""The step types that are read and checked, and that no operator runs yet (semantics 2.5, 2.6, 2.10 to 2.17)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.step_type import ApiShape, RetryTypes, StepType

PENDING = (
    StepType(name="EMRServerless", properties=ApiShape("emr-serverless", "GetJobRun"), retries=RetryTypes.ALL),
)
