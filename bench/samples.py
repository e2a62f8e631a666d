"""Definitions of any size, and the Dags of the provider's operators that one would write instead of them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import DAG, Param

PARAMETERS = 10

HAND_WRITTEN = """
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import DAG

with DAG({dag_id!r}, schedule=None):
    before = None
    for name, config in {configs!r}.items():
        task = SageMakerTrainingOperator(task_id=name, config=config)
        if before is not None:
            before >> task
        before = task
"""


def definition(steps: int, parameters: int = PARAMETERS) -> dict[str, Any]:
    """A chain of Training steps, each with a reference to the one before, parameters and a Join."""
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": f"P{n}", "Type": "Integer", "DefaultValue": n} for n in range(parameters)],
        "Steps": [
            {
                "Name": f"Step{n}",
                "Type": "Training",
                "Arguments": {
                    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
                    "HyperParameters": {
                        "depth": {"Std:Join": {"On": "", "Values": [{"Get": f"Parameters.P{n % parameters}"}]}},
                        "before": {"Get": f"Steps.Step{n - 1}.ModelArtifacts.S3ModelArtifacts"} if n else "none",
                    },
                    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
                    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                    "RoleArn": "arn:aws:iam::123456789012:role/Role",
                },
            }
            for n in range(steps)
        ],
    }


def config(step: int) -> dict[str, Any]:
    """The request of a step as one would write it by hand, with Airflow's templates for the references."""
    before = f"{{{{ ti.xcom_pull(task_ids='Step{step - 1}')['ModelArtifacts']['S3ModelArtifacts'] }}}}"
    request = definition(1)["Steps"][0]["Arguments"]
    depth = f"{{{{ params.P{step % PARAMETERS} }}}}"
    return {**request, "HyperParameters": {"depth": depth, "before": before if step else "none"}}


def by_hand(steps: int, params: Mapping[str, Param] = MappingProxyType({})) -> DAG:
    """The same chain of the provider's operators."""
    from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
    from airflow.sdk import DAG

    dag = DAG("plain", schedule=None, params={**params})
    before = None
    for n in range(steps):
        task = SageMakerTrainingOperator(task_id=f"Step{n}", dag=dag, config=config(n))
        if before is not None:
            before.set_downstream(task)
        before = task
    return dag


def params(count: int = PARAMETERS) -> dict[str, Param]:
    """The parameters of :func:`definition` as Airflow's."""
    from airflow.sdk import Param

    return {f"P{n}": Param(n, type="integer") for n in range(count)}


def hand_written(dag_id: str, steps: int) -> str:
    """A dags file of the same chain."""
    return HAND_WRITTEN.format(dag_id=dag_id, configs={f"Step{n}": config(n) for n in range(steps)})
