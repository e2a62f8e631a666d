"""What a plan does, shown to people: step by step, key by key, and as graphs. No Airflow, no AWS."""

from __future__ import annotations

from airflow_sm_pipelines.report.building import report_of
from airflow_sm_pipelines.report.model import Item, Report, Status, StepReport

__all__ = ["Item", "Report", "Status", "StepReport", "report_of"]
