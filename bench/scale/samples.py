"""Definitions that the local AWS endpoint runs, and what one would write instead with the provider's operators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.runs.harness import get, pipeline, training

LOADER = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags({folder!r}))\n"
HAND_WRITTEN = """
import json

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import DAG

CONFIGS = json.loads({configs!r})
EDGES = json.loads({edges!r})

for dag_id in {dag_ids!r}:
    with DAG(dag_id, schedule=None) as dag:
        tasks = {{
            name: SageMakerTrainingOperator(task_id=name, config=config, {arguments})
            for name, config in CONFIGS.items()
        }}
        for before, after in EDGES:
            tasks[before] >> tasks[after]
    globals()[dag_id] = dag
"""
REFERENCE = "{{ ti.xcom_pull(task_ids='%s')['Training']['TrainingJobName'] }}"
# A job's name has up to 63 letters, digits and hyphens.
RUN = "{{ run_id[-24:] | replace(':', '-') | replace('.', '-') | replace('+', '-') | replace('_', '-') }}"
JOB_NAME = f"%s-{{{{ ti.dag_id }}}}-{RUN}"


def name_of(number: int) -> str:
    return f"Step{number:04}"


def chains(steps: int, length: int) -> dict[str, Any]:
    """Training steps in chains of this length, each step with a reference to the one before in its chain."""
    return pipeline(*(_after(number, number - 1 if number % length else None) for number in range(steps)))


def chain(steps: int) -> dict[str, Any]:
    """One chain of training steps."""
    return chains(steps, steps)


def fan(steps: int, **arguments: Any) -> dict[str, Any]:
    """Training steps that do not wait for each other."""
    return pipeline(*(training(name_of(number), Arguments=arguments) for number in range(steps)))


def _after(number: int, other: int | None) -> dict[str, Any]:
    before = {} if other is None else {"before": get(f"Steps.{name_of(other)}.TrainingJobName")}
    return training(name_of(number), Arguments={"HyperParameters": {"number": str(number), **before}})


def texts(count: int, length: int) -> dict[str, str]:
    """Hyperparameters of so many texts."""
    return {f"text{number:03}": (f"{number:03}-" + "x" * length)[:length] for number in range(count)}


def by_hand(definition: Mapping[str, Any], dag_ids: Sequence[str], arguments: str) -> str:
    """A dags file of the provider's operators with the requests of a definition that :func:`chain` or :func:`fan` made.

    :param arguments: further arguments of each operator, as Python
    """
    configs, edges = {}, []
    for step in definition["Steps"]:
        config = json.loads(json.dumps(step["Arguments"]))
        before = config.get("HyperParameters", {}).get("before")
        if before is not None:
            name = before["Get"].split(".")[1]
            config["HyperParameters"]["before"] = REFERENCE % name
            edges.append((name, step["Name"]))
        config["TrainingJobName"] = JOB_NAME % step["Name"]
        configs[step["Name"]] = config
    return HAND_WRITTEN.format(
        configs=json.dumps(configs), edges=json.dumps(edges), dag_ids=list(dag_ids), arguments=arguments
    )
