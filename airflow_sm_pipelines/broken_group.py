"""The task group that stands for a broken definition: the rest of its Dag is there, and what comes after it fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import TriggerRule

from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.definition.findings import counted
from airflow_sm_pipelines.definition.paths import shorten
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.error_dag import MAX_SHOWN_LENGTH, TASK_ID, DefinitionErrorOperator
from airflow_sm_pipelines.markdown import bullets, documentation, escaped
from airflow_sm_pipelines.operators.beside_steps import POOL
from airflow_sm_pipelines.place import Place

if TYPE_CHECKING:
    from airflow.sdk import DAG, BaseOperator, TaskGroup

    from airflow_sm_pipelines.definition.findings import DefinitionError


def add_error_task(group: TaskGroup, dag: DAG, file: str, error: DefinitionError) -> BaseOperator:
    """Give an empty group a task that fails with the findings, and let the group show them.

    The name of a file may hold what Airflow cannot store; the findings of an error never do.
    """
    name, summary = storable(file), f"cannot be used: {counted(error.findings)}"
    group.group_display_name = f"{group.label} (definition error)"
    group.tooltip = f"{shorten(name, 500)} {summary}"
    group.doc_md = documentation(
        [f"The file {escaped(name)} is a pipeline definition that cannot be used.", *bullets(error.findings)]
    )
    return DefinitionErrorOperator(
        dag=dag,
        task_group=group,
        task_id=TASK_ID,
        task_display_name=f"{shorten(name, MAX_SHOWN_LENGTH)} {summary}",
        findings=str(error),
        trigger_rule=TriggerRule.ALL_SUCCESS,
        retries=0,
        depends_on_past=False,
        wait_for_downstream=False,
        pool_slots=1,
        pool=POOL,
        doc_md=group.doc_md,
        outlets=[],
        # Airflow empties the state of an asset that no Dag names: a slip in the file costs no cached results.
        inlets=[cache_asset(Place(dag.dag_id, group.group_id))],
    )


def empty(group: TaskGroup) -> None:
    """Take all tasks out of a group that could not be made."""
    gone = {task.task_id for task in group}
    inner = [child for child in group.get_task_group_dict().values() if child is not group]
    group.used_group_ids.difference_update(gone)
    for child in inner:
        names = (child.group_id, child.upstream_join_id, child.downstream_join_id)
        group.used_group_ids.difference_update(name for name in names if name is not None)
    group.children.clear()
    for task_id in gone:
        group.dag.task_dict.pop(task_id, None)
    for task in group.dag.tasks:
        task.upstream_task_ids.difference_update(gone)
        task.downstream_task_ids.difference_update(gone)
