"""Which item of a ForEach step the task of a step in its body runs for (semantics 2.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.aws.failures import StepFailure
from airflow_sm_pipelines.expressions.iteration import Iteration
from airflow_sm_pipelines.expressions.scope import RESULT_KEY

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.pipeline import PipelineContext


def iteration_of(context: Context, pipeline: PipelineContext, step: str) -> Iteration | None:
    """The item of a task of a step of the body; None for a step that stands in none.

    :raises StepFailure: where the items are no longer there
    """
    loop = pipeline.graph.loop_of.get(step)
    if loop is None:
        return None
    ti, first = context["ti"], pipeline.items_task(loop)
    items: Any = ti.xcom_pull(task_ids=first, key=RESULT_KEY, map_indexes=-1)
    index = ti.map_index
    if not isinstance(items, list) or index is None or not 0 <= index < len(items):
        message = f"the task {first} has left no item with the index {index}"
        raise StepFailure(f"Step {step!r} failed: {message}. Clear that task, and those after it.")
    return Iteration(loop, step, index, items[index])


def label_of(iteration: Iteration | None, dag: Any) -> str:
    """What Airflow shows as the index of a mapped task: the item. It is data, and stays as it is."""
    label = "" if iteration is None else iteration.label
    # There Jinja reads what it has rendered as Python, and Airflow needs a text.
    return repr(label) if getattr(dag, "render_template_as_native_obj", False) else label
