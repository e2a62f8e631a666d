"""Which tasks of a run run again when its execution is retried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airflow_sm_pipelines.api.runs import Task
from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.graph.tasks import OUTCOME, items_task

_DONE = "success"


def tasks_to_retry(graph: Graph, tasks: Iterable[Task]) -> list[tuple[str, int]]:
    """All that have not succeeded, by id and map index, and the task that reports how the run ends.

    Not the steps of a branch that a Condition which has succeeded did not take: nothing would skip them again. What
    only needs one of those is skipped again by itself.
    """
    known = list(tasks)
    untaken = set(_untaken_tasks(graph, known))
    found = [(each.task_id, each.map_index) for each in known if each.state != _DONE and each.task_id not in untaken]
    if found:
        found += [(each.task_id, each.map_index) for each in known if each.task_id == OUTCOME and each.state == _DONE]
    return found


def _untaken_tasks(graph: Graph, tasks: Sequence[Task]) -> Iterable[str]:
    by_id = {each.task_id: each for each in tasks}
    for step in graph.steps:
        task = by_id.get(graph.task_of(step.name))
        if step.branches is None or task is None or task.state != _DONE or not isinstance(task.result, dict):
            continue
        for name in graph.untaken(step.name, task.result.get("Outcome") is True):
            yield graph.task_of(name)
            if name in graph.bodies:
                yield items_task(name)
                yield from (graph.task_of(inner.name) for inner in graph.bodies[name].steps)
