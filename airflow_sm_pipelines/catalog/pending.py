"""The step types that are read and checked, and that no operator runs yet (semantics 2.5, 2.6, 2.10 to 2.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_sm_pipelines.catalog.step_type import StepType

PENDING: tuple[StepType, ...] = ()
