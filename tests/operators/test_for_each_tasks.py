"""A ForEach step as the tasks of a Dag, and as the scheduler reads them."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import TriggerRule
from airflow.sdk.definitions.taskgroup import MappedTaskGroup
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.operators.condition import ConditionStepOperator
from airflow_sm_pipelines.operators.sagemaker import TrainingStepOperator
from tests.runs.harness import condition, equals, get, pipeline, training

PARAMETERS = [{"Name": "Items", "Type": "String", "DefaultValue": "[1, 2]"}]
FIRST, RESULT = "Loop.ForEach.items", "Loop.ForEach.result"


def loop(limit: int = 7, item: str = "ForEach.CurrentItem", **members: Any) -> dict[str, Any]:
    body = [
        training("Train", Arguments={"HyperParameters": {"item": get(item)}}, Description="{{ no template }}"),
        training("items", Arguments={"HyperParameters": {"name": get("Steps.Train.TrainingJobName")}}),
        training("result", DependsOn=["items"]),
    ]
    arguments = {"IterableItems": get("Parameters.Items"), "MaxConcurrency": limit, "ForEachBody": body}
    return {"Name": "Loop", "Type": "ForEach", "Arguments": arguments, **members}


def dag_of(*steps: Any, **arguments: Any) -> SageMakerPipelineDag:
    return SageMakerPipelineDag(pipeline(*steps, Parameters=PARAMETERS), dag_id="d", **arguments)


def test_what_waits_for_what() -> None:
    dag = dag_of(training("Before"), loop(DependsOn=["Before"]), training("After", DependsOn=["Loop"]))
    upstream = {task_id: dag.get_task(task_id).upstream_task_ids for task_id in dag.task_ids}
    assert upstream == {
        "Before": set(),
        FIRST: {"Before"},
        "Loop.Train": {FIRST},
        "Loop.items": {"Loop.Train"},
        "Loop.result": {"Loop.items"},
        RESULT: {FIRST, "Loop.Train", "Loop.items", "Loop.result"},
        "After": {RESULT},
    }
    assert isinstance(dag.get_task("Loop.Train"), TrainingStepOperator)


def test_all_tasks_stand_in_a_group_of_the_steps_name_and_those_of_the_body_in_a_mapped_one() -> None:
    dag = dag_of(loop(DisplayName="My loop", Description="What it is for"))
    groups = dag.task_group_dict
    assert groups.keys() - {None} == {"Loop", "Loop.Loop"}
    assert set(groups["Loop"].children) == {FIRST, RESULT, "Loop.Loop"}
    assert set(groups["Loop.Loop"].children) == {"Loop.Train", "Loop.items", "Loop.result"}
    assert isinstance(groups["Loop.Loop"], MappedTaskGroup)
    assert (groups["Loop"].group_display_name, groups["Loop"].tooltip) == ("My loop", "What it is for")


def test_a_description_is_no_path_of_a_file() -> None:
    group = dag_of(loop(Description=__file__.replace("test_for_each_tasks.py", "../../README.md"))).task_group_dict[
        "Loop"
    ]
    assert group.doc_md is None


def test_a_rejoin_is_where_the_step_begins() -> None:
    dag = dag_of(loop(), rejoin=["Loop"])
    rules = {task_id: dag.get_task(task_id).trigger_rule for task_id in (FIRST, "Loop.Train", RESULT)}
    assert rules == {
        FIRST: TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS,
        "Loop.Train": TriggerRule.ALL_SUCCESS,
        RESULT: TriggerRule.ALL_DONE,
    }


def test_a_condition_skips_where_the_step_begins() -> None:
    inner = condition("Inner", [equals(1, 1)], [], [loop()])
    choose = dag_of(condition("Choose", [equals(1, 1)], [inner], [])).get_task("Choose")
    assert isinstance(choose, ConditionStepOperator)
    assert {outcome: set(tasks) for outcome, tasks in choose.untaken.items()} == {
        True: set(),
        False: {"Inner", FIRST, RESULT},
    }


def test_the_scheduler_keeps_the_limit_for_each_task() -> None:
    limits = {task.task_id: task.max_active_tis_per_dagrun for task in dag_of(loop(7)).tasks}
    assert limits == {FIRST: None, "Loop.Train": 7, "Loop.items": 7, "Loop.result": 7, RESULT: None}


def serialized(*steps: Any) -> dict[str, Any]:
    return DagSerialization.to_dict(dag_of(*steps))


def test_the_serialized_dag_can_be_read_and_holds_no_objects() -> None:
    document = serialized(loop(2))
    dag: Any = DagSerialization.from_dict(json.loads(json.dumps(document)))
    body = dag.get_task("Loop.Train")
    assert (body.max_active_tis_per_dagrun, body.has_retry_policy, body.retries) == (2, True, 8)
    assert [group.group_id for group in body.iter_mapped_task_groups()] == ["Loop.Loop"]
    assert body.map_index_template == "{{ task.item_label }}"
    [written] = [task["__var"] for task in document["dag"]["tasks"] if task["__var"]["task_id"] == "Loop.Train"]
    as_text = {"Std:Join": {"On": "", "Values": [get("ForEach.CurrentItem")]}}
    assert written["request"]["HyperParameters"] == {"item": as_text}
    assert " object at 0x" not in json.dumps(document)


def test_another_body_is_another_dag() -> None:
    assert serialized(loop()) == serialized(loop())
    assert serialized(loop()) != serialized(loop(item="ForEach.CurrentItem.x"))
