"""From the step types of a definition to the operators that run them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from airflow.sdk import BaseOperator

from airflow_sm_pipelines import SageMakerPipelineDag, StepType, register_step_type, unregister_step_type
from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.operators.job import JobStepOperator
from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types import STEP_TYPES
from tests.runs.harness import pipeline, training


class OwnStepOperator(StepOperator):
    """An operator of a user's own."""


@pytest.fixture
def register() -> Iterator[Any]:
    names = []

    def registered(step_type: StepType) -> None:
        register_step_type(step_type)
        names.append(step_type.name)

    yield registered
    for name in names:
        unregister_step_type(name)


def test_every_type_has_an_operator_of_which_its_task_is_an_instance() -> None:
    for step_type in STEP_TYPES.built_in:
        bases = {f"{base.__module__}.{base.__qualname__}" for base in operator_of(step_type).__mro__}
        assert {step_type.operator_path, _defined(step_type.instance_of)} <= bases, step_type.name


def _defined(path: str | None) -> str:
    """Where a class is defined: ``airflow.sdk`` only hands them on."""
    import airflow.sdk

    assert path is not None
    module, _, name = path.rpartition(".")
    found = getattr(airflow.sdk, name) if module == "airflow.sdk" else None
    return path if found is None else f"{found.__module__}.{found.__qualname__}"


def test_an_operator_is_a_class_or_its_dotted_path() -> None:
    path = f"{__name__}.OwnStepOperator"
    assert operator_of(StepType("Own", path)) is OwnStepOperator
    assert operator_of(StepType("Own", OwnStepOperator)) is OwnStepOperator
    assert StepType("Own", OwnStepOperator).operator_path == path
    assert operator_of(StepType("Own", kind=STEP_TYPES["Training"].kind)) is JobStepOperator


def test_operators_that_cannot_be_had_are_findings_all_at_once(register: Any) -> None:
    register(StepType("Gone", "there_is_no_such_module.Operator"))
    register(StepType("Other", f"{__name__}.NoSuchOperator"))
    register(StepType("Foreign", BaseOperator))
    kinds = ("Gone", "Other", "Foreign", "Gone")
    steps = [{"Name": f"S{index}", "Type": kind, "Arguments": {}} for index, kind in enumerate(kinds)]
    with pytest.raises(DefinitionError) as raised:
        SageMakerPipelineDag(pipeline(training("Train"), *steps), dag_id="d", source="mine.json")
    assert [(finding.path, finding.step) for finding in raised.value.findings] == [
        ("$.Steps[1].Type", "S0"),
        ("$.Steps[2].Type", "S1"),
        ("$.Steps[3].Type", "S2"),
    ]
    assert "mine.json: 3 findings" in str(raised.value)
    gone, other, foreign = (finding.message for finding in raised.value.findings)
    assert "ModuleNotFoundError: No module named 'there_is_no_such_module'" in gone
    assert "NoSuchOperator cannot be imported (AttributeError: " in other
    assert "is no subclass of airflow_sm_pipelines.operators.step.StepOperator" in foreign
