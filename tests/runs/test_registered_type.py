"""A step type of a user's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typing_extensions import override

from airflow_sm_pipelines import StepType, register_step_type, unregister_step_type
from airflow_sm_pipelines.expressions.stringify import Json
from airflow_sm_pipelines.expressions.values import resolve_object
from airflow_sm_pipelines.operators.step import StepOperator
from tests.runs.harness import Airflow, get, pipeline, training


class EchoStepOperator(StepOperator):
    """Gives its resolved Arguments back."""

    @override
    def resolve(self, context: Any, scope: Any) -> Json:
        self.resolved = resolve_object(self.step.arguments, scope)
        return self.resolved

    @override
    def run_step(self, context: Any) -> Any:
        self.check_resolved(context)
        self.deliver(context)
        return self.resolved


@pytest.fixture
def echo_type() -> Iterator[None]:
    register_step_type(StepType(name="Echo", operator=f"{__name__}.EchoStepOperator", extra_properties=("Said",)))
    yield
    unregister_step_type("Echo")


@pytest.mark.usefixtures("echo_type")
def test_a_registered_type_runs_and_can_be_referred_to(airflow: Airflow) -> None:
    echo = {"Name": "Echo", "Type": "Echo", "Arguments": {"Said": get("Steps.Train.TrainingJobStatus")}}
    after = training("After", Arguments={"HyperParameters": {"said": get("Steps.Echo.Said")}})
    run = airflow.run(pipeline(training("Train"), echo, after))
    assert set(run.states.values()) == {"success"}
    assert run.xcom("Echo") == {"Said": "Completed"}
    assert airflow.created("CreateTrainingJob")[1]["HyperParameters"] == {"said": "Completed"}
