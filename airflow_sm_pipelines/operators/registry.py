"""From a step type to the operator that runs it; an operator is imported when a definition first needs it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types import STEP_TYPES

if TYPE_CHECKING:
    from airflow_sm_pipelines.operators.step import StepOperator

UNSUPPORTED = "airflow_sm_pipelines.operators.unsupported.UnsupportedStepOperator"


def operator_for(step_type: str) -> type[StepOperator]:
    """The operator of a step type; a type without one fails when it is reached."""
    known = STEP_TYPES.get(step_type)
    return _imported((known and known.operator) or UNSUPPORTED)


@cache
def _imported(path: str) -> type[StepOperator]:
    module, _, name = path.rpartition(".")
    operator: type[StepOperator] = getattr(import_module(module), name)
    return operator
