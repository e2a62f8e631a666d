"""Which operator runs which step type: one entry for each file beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.steps.condition import ConditionStepOperator
from airflow_sm_pipelines.steps.fail import FailStepOperator
from airflow_sm_pipelines.steps.model import ModelStepOperator
from airflow_sm_pipelines.steps.processing import ProcessingStepOperator
from airflow_sm_pipelines.steps.register_model import RegisterModelStepOperator
from airflow_sm_pipelines.steps.training import TrainingStepOperator
from airflow_sm_pipelines.steps.transform import TransformStepOperator
from airflow_sm_pipelines.steps.unsupported import UnsupportedStepOperator

if TYPE_CHECKING:
    from airflow_sm_pipelines.steps.base import StepOperator

OPERATORS: dict[str, type[StepOperator]] = {
    "Condition": ConditionStepOperator,
    "Fail": FailStepOperator,
    "Model": ModelStepOperator,
    "Processing": ProcessingStepOperator,
    "RegisterModel": RegisterModelStepOperator,
    "Training": TrainingStepOperator,
    "Transform": TransformStepOperator,
}


def operator_for(step_type: str) -> type[StepOperator]:
    """The operator of a step type; a type without one fails when it is reached."""
    return OPERATORS.get(step_type, UnsupportedStepOperator)
