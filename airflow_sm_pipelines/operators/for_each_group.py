"""A ForEach step as the three Airflow tasks that run it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule, XComArg

from airflow_sm_pipelines.definition.steps import MAX_CONCURRENCY
from airflow_sm_pipelines.expressions.iteration import items_task_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow.sdk.definitions._internal.node import DAGNode

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.operators.step import StepOperator


def items_task_ids(steps: Iterable[Step]) -> Iterator[str]:
    """The tasks that find the items of the ForEach steps among ``steps`` and in their branches."""
    for step in steps:
        if step.for_each is not None:
            yield items_task_id(step.name)
        else:
            yield from items_task_ids(step.inner_steps)


def add_for_each(
    step: Step, arguments: Mapping[str, Any], body_operator: type[StepOperator], body_arguments: Mapping[str, Any]
) -> tuple[StepOperator, StepOperator]:
    """The first and the last task of a ForEach step: what comes before it goes to the one, what needs it to the other.

    The first finds the items, ``body_operator`` is mapped over them, and the last, of the step's name, is there
    when all children have ended. ``arguments`` are those of the step's operator, ``body_arguments`` those of its
    body's.
    """
    from airflow_sm_pipelines.operators.for_each import ForEachStepOperator
    from airflow_sm_pipelines.operators.for_each_items import ForEachItemsOperator

    assert step.for_each is not None
    body, limit = step.for_each.body[0], step.for_each.max_concurrency
    first = ForEachItemsOperator(**{**arguments, "task_id": items_task_id(step.name), "task_display_name": None})
    children = body_operator.partial(
        **body_arguments,
        # The children keep the limit themselves; what the scheduler knows of it spares them most of the waiting.
        max_active_tis_per_dagrun=limit if isinstance(limit, int) or limit is None else MAX_CONCURRENCY,
        map_index_template=f"{body.name}-{{{{ ti.map_index }}}}",
    ).expand(iteration=XComArg(first))
    last = ForEachStepOperator(
        **{**arguments, "trigger_rule": TriggerRule.ALL_DONE}, items_task_id=items_task_id(step.name)
    )
    connect(first, last)
    connect(children, last)
    return first, last


def connect(upstream: DAGNode, downstream: DAGNode) -> None:
    """Let one task of a Dag wait for another.

    Airflow's ``set_downstream`` does the same after it has hashed the Dag, with the ids of all its tasks, twice: the
    time of a Dag would grow with the square of its steps.
    """
    upstream.downstream_task_ids.add(downstream.node_id)
    downstream.upstream_task_ids.add(upstream.node_id)
