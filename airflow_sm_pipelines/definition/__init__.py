"""Pipeline definitions as typed objects: what the JSON says. No Airflow, no AWS."""

from __future__ import annotations

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.definition.model import Pipeline, Step
from airflow_sm_pipelines.definition.reader import read_definition
from airflow_sm_pipelines.definition.writer import to_document

__all__ = ["DefinitionError", "Finding", "Pipeline", "Severity", "Step", "read_definition", "to_document"]
