from __future__ import annotations

import inspect

import pytest
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator

from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types import STEP_TYPES

OPERATORS = sorted({operator_of(STEP_TYPES[name]) for name in STEP_TYPES}, key=lambda each: each.__name__)


@pytest.mark.parametrize("operator", OPERATORS, ids=lambda each: str(each.__name__))
def test_an_argument_of_the_provider_is_an_attribute(operator: type[StepOperator]) -> None:
    """Where its constructor is not run, a cluster policy reads and sets them all the same."""
    after = operator.__mro__[operator.__mro__.index(StepOperator) + 1 :]
    behind = after[: after.index(AwsBaseOperator)]
    assert not (operator.runs_provider_init and behind)
    for constructor in (vars(base)["__init__"] for base in behind if "__init__" in vars(base)):
        for name, parameter in inspect.signature(constructor).parameters.items():
            if name != "self" and parameter.kind is not parameter.VAR_KEYWORD:
                assert hasattr(operator, name), name
