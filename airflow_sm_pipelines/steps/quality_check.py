"""QualityCheck: data or model quality, by Model Monitor's analyzer (semantics 2.12)."""

from __future__ import annotations

from airflow_sm_pipelines.catalog.quality_check import CHECK
from airflow_sm_pipelines.steps.check import CheckStepOperator


class QualityCheckStepOperator(CheckStepOperator):
    """A QualityCheck step. A MODEL_QUALITY check compares with constraints alone, and hands its statistics on."""

    check_kind = CHECK
