"""A ForEach step as the Airflow tasks that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TaskGroup, TriggerRule, XComArg

from airflow_sm_pipelines.graph.run_conditions import label_of
from airflow_sm_pipelines.graph.tasks import ITEMS, RESULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow.sdk import DAG
    from airflow.sdk.definitions._internal.node import DAGNode

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph.bodies import Body
    from airflow_sm_pipelines.operators.step import StepOperator


def add_for_each(
    dag: DAG,
    around: TaskGroup | None,
    step: Step,
    arguments: Mapping[str, Any],
    body: Body,
    operators: Sequence[tuple[type[StepOperator], Mapping[str, Any]]],
) -> tuple[StepOperator, StepOperator]:
    """The first and the last task of a ForEach step: what comes before it goes to the one, what needs it to the other.

    All its tasks stand in a group of the step's name. The first finds the items. The tasks of the body stand in a group
    inside that one, which Airflow maps over the items: what one of them waits for is of the same item. The last has the
    result, and is there when all children have ended.

    :param around: the task group of the pipeline, None where the Dag is the pipeline's
    :param arguments: those of the step's operators
    :param operators: of each step of the body, in their order, its operator and the arguments of that
    """
    # It brings the operators of Airflow's standard provider, half of what a dags file would import beside our modules.
    from airflow.sdk import task_group

    from airflow_sm_pipelines.operators.for_each import ForEachStepOperator
    from airflow_sm_pipelines.operators.for_each_items import ForEachItemsOperator

    assert step.for_each is not None
    limit = step.for_each.max_concurrency
    title = step.display_name or step.name
    group = TaskGroup(
        group_id=step.name, group_display_name=title, tooltip=step.description or "", parent_group=around, dag=dag
    )
    first = ForEachItemsOperator(
        **{**arguments, "task_id": ITEMS, "task_display_name": f"{title}: items", "task_group": group}
    )
    children: dict[str, StepOperator] = {}

    # No step of the body can have the name of the ForEach step, so that nothing else is called as this group.
    @task_group(
        group_id=step.name, group_display_name="for each item", prefix_group_id=False, parent_group=group, dag=dag
    )
    def for_each_item(item: object) -> None:  # noqa: ARG001 # a child finds its item by its map index
        for inner, (operator, given) in zip(body.steps, operators, strict=True):
            children[inner.name] = operator(
                **{
                    **{name: value for name, value in given.items() if name != "task_group"},
                    "task_id": group.child_id(inner.name),
                    # The children keep the limit themselves; what the scheduler knows of it spares them most of the
                    # waiting.
                    "max_active_tis_per_dagrun": limit,
                    "map_index_template": "{{ task.item_label }}",
                }
            )
            for dependency in body.upstream[inner.name]:
                connect(children[dependency.step], children[inner.name])
                if (label := label_of(dependency)) is not None:
                    ends = children[dependency.step].task_id, children[inner.name].task_id
                    dag.set_edge_info(*ends, {"label": label})

    for_each_item.expand(item=XComArg(first))
    last = ForEachStepOperator(
        **{
            **arguments,
            "task_id": RESULT,
            "task_display_name": f"{title}: result",
            "trigger_rule": TriggerRule.ALL_DONE,
            "task_group": group,
        }
    )
    connect(first, last)
    for child in children.values():
        connect(child, last)
    return first, last


def connect(upstream: DAGNode, downstream: DAGNode) -> None:
    """Let one task of a Dag wait for another.

    Airflow's ``set_downstream`` does the same after it has hashed the Dag, with the ids of all its tasks, twice: the
    time of a Dag would grow with the square of its steps.
    """
    upstream.downstream_task_ids.add(downstream.node_id)
    downstream.upstream_task_ids.add(upstream.node_id)
