"""The place of the task that reports how a run ends (:mod:`airflow_sm_pipelines.operators.run_outcome`) in a Dag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_sm_pipelines.graph.tasks import OUTCOME
from airflow_sm_pipelines.markdown import documentation
from airflow_sm_pipelines.operators.beside_steps import NEUTRAL, RETRY_DELAY, beside_the_steps
from airflow_sm_pipelines.operators.for_each_group import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import timedelta

    from airflow.sdk import DAG, BaseOperator, TaskGroup
    from airflow.sdk.definitions._internal.node import DAGNode

    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.place import Place
    from airflow_sm_pipelines.settings import Settings

TASK_ID = OUTCOME
_CALLBACKS = tuple(f"on_{event}_callback" for event in ("execute", "failure", "retry", "skipped", "success"))
_ABOUT = (
    "No step of the pipeline: it comes after all steps, and fails with what has failed among them. Without it, a run"
    " whose failure was handled by a step would end as a success. It makes no call to AWS."
)
_ABOUT_GROUP = (
    "No step of the pipeline: it comes after all steps, and stands for the pipeline to what comes after the group. It"
    " fails with what has failed among them, is skipped where all of them were, and succeeds where the pipeline has,"
    " whichever branches it took. It makes no call to AWS."
)


def add_outcome(
    dag: DAG,
    graph: Graph,
    place: Place,
    settings: Settings,
    last: Iterable[DAGNode],
    *,
    group: TaskGroup | None = None,
    retry_delay: timedelta = RETRY_DELAY,
    neutral: Mapping[str, Any] = NEUTRAL,
) -> BaseOperator:
    """Add the task to a Dag of steps with run conditions, or to a task group, behind the last of its tasks.

    :param neutral: what is said of the task so that the default_args of a Dag of the user's do not
    """
    # No other Dag needs it.
    from airflow_sm_pipelines.operators.run_outcome import RunOutcomeOperator

    given: dict[str, Any] = {
        **beside_the_steps(dag, group, settings, retry_delay, neutral),
        "task_id": TASK_ID,
        "task_display_name": "Outcome of the run" if group is None else "Outcome of the pipeline",
        "doc_md": documentation([_ABOUT if group is None else _ABOUT_GROUP]),
        "graph": graph,
        "place": place,
        "accepts_handled": settings.handled_failures == "succeed",
        "trigger_rule": TriggerRule.ALL_DONE,
        # Those of the default_args are for the steps, and were called for each that failed.
        "email": None,
        **dict.fromkeys(_CALLBACKS),
    }
    outcome = RunOutcomeOperator(**given)
    for task in last:
        connect(task, outcome)
    return outcome
