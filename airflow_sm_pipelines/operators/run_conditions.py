"""What has become of a run's steps, as a task of the run can see it, and whether a run condition holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS
from airflow_sm_pipelines.expressions.end_note import END_KEY, EndNote
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED, UpstreamState, unmet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from airflow.sdk import Context

    from airflow_sm_pipelines.graph.run_conditions import Unmet
    from airflow_sm_pipelines.jobs.step_run import StepRun
    from airflow_sm_pipelines.operators.step import StepOperator

MAX_NAMES = 50
_STATES = {
    "success": UpstreamState.SUCCEEDED,
    "skipped": UpstreamState.SKIPPED,
    "upstream_failed": UpstreamState.NOT_BEGUN,
}


class RunStates:
    """The steps of the run of a context.

    :param task_of: the task that has the result of a step
    :param map_index: that of the item, for the steps in the body of a ForEach step
    """

    def __init__(self, context: Context, task_of: Callable[[str], str], map_index: int | None = None) -> None:
        self._ti = context["ti"]
        self._task_of = task_of
        self._map_index = map_index

    def of(self, steps: Iterable[str]) -> dict[str, UpstreamState]:
        """What has become of each step. One that failed has left a note if its worker could; one without was killed,
        timed out or marked, which is a failure.
        """
        tasks = {step: self._task_of(step) for step in steps}
        ti = self._ti
        # The names go into the address of a request, which takes some thousands of characters: of many, all are asked.
        asked = [*tasks.values()] if len(tasks) <= MAX_NAMES else None
        found = ti.get_task_states(ti.dag_id, task_ids=asked, run_ids=[ti.run_id]).get(ti.run_id, {})
        states = {}
        for name, task in tasks.items():
            # What was never expanded, since nothing before it had succeeded, is listed without an index.
            text = found.get(task if self._map_index is None else f"{task}_{self._map_index}", found.get(task))
            text = str(getattr(text, "value", text))
            if text == "failed":
                note = self.note(name)
                states[name] = UpstreamState.FAILED if note is None else note.state
            else:
                states[name] = _STATES.get(text, UpstreamState.UNKNOWN)
        return states

    def note(self, step: str) -> EndNote | None:
        """What a step that failed has left to show."""
        of_item: dict[str, Any] = {} if self._map_index is None else {"map_indexes": self._map_index}
        return EndNote.from_json(self._ti.xcom_pull(task_ids=self._task_of(step), key=END_KEY, **of_item))


def unmet_conditions(task: StepOperator, run: StepRun, context: Context) -> Sequence[Unmet]:
    """Which run conditions of a task's step do not hold, now that all that it waits for has ended.

    What has begun was judged before it did, and goes on, whatever has become of the other steps since.
    """
    graph, item = run.pipeline.graph, task.iteration
    step = task.step.name if item is None else item.body
    if not task.judges_conditions or step not in graph.conditional or run.has_begun:
        return ()
    dependencies = graph.needs_of(step)
    selected: Any = run.pipeline.params_in(context["params"]).get(SELECTED_STEPS) if item is None else None
    if selected is not None:
        # What is not selected has succeeded as a task, whatever became of it in the run that it is copied from. As that
        # is enough for a step of a branch, it is for one with a condition: who selects it wants it to run.
        dependencies = tuple(
            dependency if dependency.step in selected else replace(dependency, accepts=SUCCEEDED)
            for dependency in dependencies
        )
    states = RunStates(context, run.pipeline.task_of, None if item is None else item.index).of(
        dependency.step for dependency in dependencies
    )
    return unmet(dependencies, states, any_branch=task.any_branch)
