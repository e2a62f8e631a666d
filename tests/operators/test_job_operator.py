"""The operator of a job: one thin class before the provider's."""

from __future__ import annotations

from inspect import getmro

import pytest
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator

from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.operators.sagemaker import TrainingStepOperator
from airflow_sm_pipelines.operators.step import StepOperator


def test_there_is_no_chain_of_classes() -> None:
    own = [cls for cls in getmro(TrainingStepOperator) if cls.__module__.startswith("airflow_sm_pipelines.")]
    assert own == [TrainingStepOperator, JobStepOperator, StepOperator]
    assert [cls for cls in own if "__init__" in vars(cls)] == [StepOperator]
    assert issubclass(TrainingStepOperator, SageMakerTrainingOperator)


def test_a_hook_of_the_version_before_is_not_ignored_in_silence() -> None:
    with pytest.raises(TypeError, match=r"defines complete_request, which .*JobAdapter"):
        type("Own", (JobStepOperator,), {"complete_request": lambda self, request: request})
