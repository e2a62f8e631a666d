"""Dags that have to be the same in each process: ``python -m tests.same_dags FILE SECONDS`` prints them.

The process's clock is so many seconds ahead.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from airflow.sdk import DAG, task
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import SageMakerPipelineDag, SageMakerPipelineTaskGroup

ABALONE = Path(__file__).parent.parent / "dags" / "pipelines" / "abalone.json"


def own_dag(definition: Path) -> DAG:
    return SageMakerPipelineDag(definition)


def dag_with_a_group() -> DAG:
    with DAG("mine", schedule=None) as mine:

        @task
        def url() -> str:
            return "x"

        @task
        def told(x: object) -> None:
            print(x)

        given = {"InputDataUrl": url()}
        one = SageMakerPipelineTaskGroup(ABALONE, group_id="one", parameters=given, parallelism=2)
        told(one.output("TrainAbalone")["ModelArtifacts"]["S3ModelArtifacts"])
    return mine


def serialized(definition: Path) -> list[str]:
    """Both Dags as Airflow stores them, without the place of this file. Airflow itself sorts the keys."""
    texts = []
    for dag in (own_dag(definition), dag_with_a_group()):
        data = DagSerialization.to_dict(dag)
        data["dag"].pop("fileloc")
        texts.append(json.dumps(data, sort_keys=True))
    return texts


if __name__ == "__main__":
    real = time.time
    time.time = lambda: real() + float(sys.argv[2])
    from tests.same_dags import serialized as of_the_module

    print(*of_the_module(Path(sys.argv[1])), sep="\n")
