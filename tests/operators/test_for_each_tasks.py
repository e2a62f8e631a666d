"""A ForEach step as three tasks of a Dag, and as the scheduler reads them."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import TriggerRule
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.operators.condition import ConditionStepOperator
from airflow_sm_pipelines.operators.sagemaker import TrainingStepOperator
from tests.runs.harness import condition, equals, get, pipeline, training

PARAMETERS = [
    {"Name": "Items", "Type": "String", "DefaultValue": "[1, 2]"},
    {"Name": "Most", "Type": "Integer", "DefaultValue": 3},
]


def loop(limit: Any = None, item: str = "ForEach.CurrentItem", **members: Any) -> dict[str, Any]:
    body = training("Train", Arguments={"HyperParameters": {"item": get(item)}}, Description="{{ no template }}")
    arguments = {"IterableItems": get("Parameters.Items"), "MaxConcurrency": limit, "ForEachBody": [body]}
    return {"Name": "Loop", "Type": "ForEach", "Arguments": arguments, **members}


def dag_of(*steps: Any, **arguments: Any) -> SageMakerPipelineDag:
    return SageMakerPipelineDag(pipeline(*steps, Parameters=PARAMETERS), dag_id="d", **arguments)


def test_what_waits_for_what() -> None:
    dag = dag_of(training("Before"), loop(DependsOn=["Before"]), training("After", DependsOn=["Loop"]))
    upstream = {task_id: dag.get_task(task_id).upstream_task_ids for task_id in dag.task_ids}
    assert upstream == {
        "Before": set(),
        "Loop.items": {"Before"},
        "Train": {"Loop.items"},
        "Loop": {"Loop.items", "Train"},
        "After": {"Loop"},
    }
    body = dag.get_task("Train")
    assert isinstance(body, MappedOperator)
    assert body.operator_class is TrainingStepOperator


def test_a_rejoin_is_where_the_step_begins() -> None:
    dag = dag_of(loop(), rejoin=["Loop"])
    rules = {task_id: dag.get_task(task_id).trigger_rule for task_id in dag.task_ids}
    assert rules == {
        "Loop.items": TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        "Train": TriggerRule.ALL_SUCCESS,
        "Loop": TriggerRule.ALL_DONE,
    }


def test_a_condition_skips_where_the_step_begins() -> None:
    inner = condition("Inner", [equals(1, 1)], [], [loop()])
    choose = dag_of(condition("Choose", [equals(1, 1)], [inner], [])).get_task("Choose")
    assert isinstance(choose, ConditionStepOperator)
    assert {outcome: set(tasks) for outcome, tasks in choose.untaken.items()} == {
        True: set(),
        False: {"Inner", "Loop", "Loop.items"},
    }


def limit_of(limit: Any) -> int | None:
    [body] = [task for task in dag_of(loop(limit)).tasks if isinstance(task, MappedOperator)]
    return body.max_active_tis_per_dagrun


def test_the_scheduler_keeps_a_limit_that_is_a_number() -> None:
    assert (limit_of(None), limit_of(7), limit_of(get("Parameters.Most"))) == (None, 7, 50)


def serialized(*steps: Any) -> dict[str, Any]:
    return DagSerialization.to_dict(dag_of(*steps))


def test_the_serialized_dag_can_be_read_and_holds_no_objects() -> None:
    document = serialized(loop(2))
    dag: Any = DagSerialization.from_dict(json.loads(json.dumps(document)))
    body = dag.get_task("Train")
    assert body.is_mapped
    assert (body.max_active_tis_per_dagrun, body.has_retry_policy, body.retries) == (2, True, 8)
    assert body.map_index_template == "Train-{{ ti.map_index }}"
    [arguments] = [
        task["__var"]["partial_kwargs"] for task in document["dag"]["tasks"] if "partial_kwargs" in task["__var"]
    ]
    assert arguments["step"] == "Training step Train"
    assert arguments["settings"] == "[sagemaker_pipelines]"
    assert arguments["pipeline"].startswith("pipeline d, definition ")
    assert " object at 0x" not in json.dumps(document)


def test_another_body_is_another_dag() -> None:
    assert serialized(loop()) == serialized(loop())
    assert serialized(loop()) != serialized(loop(item="ForEach.CurrentItem.x"))
