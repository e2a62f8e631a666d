from __future__ import annotations

import inspect
from typing import Any

import pytest
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.sdk import BaseOperator

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.arguments import names_of
from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.step_types import STEP_TYPES

ACCESS: dict[str, Any] = {
    "aws_conn_id": "other",
    "region_name": "eu-west-1",
    "verify": "/ca.pem",
    "botocore_config": {"retries": {}},
}


class AwsOperator(AwsBaseOperator[SageMakerHook]):
    aws_hook_class = SageMakerHook


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


def test_access_is_set_as_the_providers_constructor_sets_it() -> None:
    """That constructor is not run either: a version of it that takes more, or sets more, is to be looked at."""
    assert names_of(AwsBaseOperator) - names_of(BaseOperator) == {*ACCESS, "region"}
    theirs = vars(AwsOperator(task_id="Train", **ACCESS))
    definition = {"Version": "2020-12-01", "Steps": [{"Name": "Train", "Type": "Training", "Arguments": {}}]}
    dag = SageMakerPipelineDag(definition, dag_id="ours", values="warn", default_args=ACCESS)
    ours = dag.get_task("Train")
    assert {name: getattr(ours, name) for name in ACCESS} == {name: theirs[name] for name in ACCESS}
    assert [name for name in theirs if not hasattr(ours, name)] == []
