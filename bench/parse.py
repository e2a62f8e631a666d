"""What translation adds to the parse of a dags file: the Dag of a definition, against operators in plain Python.

The plain Dag is built with the Amazon provider's own operators, as many as the definition has steps, with the same
edges and no translation. Prints medians of warm builds in microseconds per step, and of serialization. Run it with the
project's interpreter: ``.venv/bin/python bench/parse.py``.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.graph import plan

ROUNDS = 15


def definition(steps: int) -> dict[str, Any]:
    """A chain of Training steps, each with a reference to the one before, parameters and a Join."""
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": f"P{n}", "Type": "Integer", "DefaultValue": n} for n in range(10)],
        "Steps": [
            {
                "Name": f"Step{n}",
                "Type": "Training",
                "Arguments": {
                    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
                    "HyperParameters": {
                        "depth": {"Std:Join": {"On": "", "Values": [{"Get": f"Parameters.P{n % 10}"}]}},
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


def plain(steps: int) -> DAG:
    dag = DAG("plain", schedule=None)
    before = None
    for n in range(steps):
        config = definition(1)["Steps"][0]["Arguments"]
        task = SageMakerTrainingOperator(task_id=f"Step{n}", dag=dag, config=config)
        if before is not None:
            before.set_downstream(task)
        before = task
    return dag


def per_step(build: Callable[[], object], steps: int) -> float:
    build()
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        build()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / steps * 1e6


def main() -> None:
    print("microseconds per step")
    print(f"{'steps':>6} {'plain':>8} {'ours':>8} {'ratio':>6} {'reading':>8} {'serialize plain':>16} {'ours':>8}")
    for steps in (10, 50, 200):
        text = json.dumps(definition(steps))
        dags = {"plain": plain(steps), "ours": SageMakerPipelineDag(text, dag_id="ours")}
        figures = {
            "plain": per_step(partial(plain, steps), steps),
            "ours": per_step(partial(SageMakerPipelineDag, text, dag_id="ours"), steps),
            "reading": per_step(partial(plan, text), steps),
            "serialize plain": per_step(partial(DagSerialization.to_dict, dags["plain"]), steps),
            "serialize ours": per_step(partial(DagSerialization.to_dict, dags["ours"]), steps),
        }
        print(
            f"{steps:6} {figures['plain']:8.0f} {figures['ours']:8.0f} {figures['ours'] / figures['plain']:6.2f}"
            f" {figures['reading']:8.0f} {figures['serialize plain']:16.0f} {figures['serialize ours']:8.0f}"
        )


if __name__ == "__main__":
    main()
