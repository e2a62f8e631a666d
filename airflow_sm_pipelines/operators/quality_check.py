"""QualityCheck: data or model quality, by Model Monitor's analyzer (semantics 2.12)."""

from __future__ import annotations

from airflow_sm_pipelines.operators.check import CheckStepOperator
from airflow_sm_pipelines.step_types.quality_check import CHECK


class QualityCheckStepOperator(CheckStepOperator):
    """A QualityCheck step. A MODEL_QUALITY check compares with constraints alone, and hands its statistics on."""

    check_kind = CHECK
