"""Selective execution of a run: what one of its tasks is to do, and from which earlier run results come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS, SOURCE_RUN
from airflow_sm_pipelines.expressions.end_note import END_KEY
from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.graph.model import StepEnd
from airflow_sm_pipelines.graph.run_conditions import SUCCEEDED
from airflow_sm_pipelines.graph.selection import Role, Selection, SelectionError, select
from airflow_sm_pipelines.operators.past_runs import PastRuns
from airflow_sm_pipelines.operators.real_results import SEALED_KEY

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from airflow.sdk import Context

    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.expressions.stringify import Json

SOURCE_MEMBER = "selection_source"
"""The member of a copied step's ``sagemaker`` XCom that names the run it was copied from."""


class SelectionDecision(Struct, frozen=True):
    """What a task does in its run; ``source`` is the run to copy from, None where no run has the step's result."""

    role: Role = Role.RUN
    source: str | None = None

    def shown(self) -> Json:
        """What stands in the place of the request of a step that makes none."""
        if self.role is Role.COPY:
            return {"CopiedFromRun": self.source}
        return {"Skipped": f"not among {SELECTED_STEPS}"}


class Task(Struct, frozen=True):
    """A task as the selection sees it: the step that is selected for it, and the ids of the tasks that it waits for."""

    step: str
    upstream: Collection[str]


def decision_for(context: Context, pipeline: PipelineContext, task: Task) -> SelectionDecision:
    """What a task does in its run: every step runs where the run has no selection.

    Only the first tasks of a run look for the source and judge it, before anything runs; those that wait for
    others take the source from them, so that all results come from the same run. A task that has nothing to copy asks
    no more of it: it may be gone by then.

    :raises SelectionError: for a selection that cannot be run, with all that is wrong with it
    """
    params = pipeline.params_in(context["params"])
    given: Any = params.get(SELECTED_STEPS)
    source: Any = params.get(SOURCE_RUN) or None
    if given is None:
        if source is not None:
            raise SelectionError([f"{SOURCE_RUN} is given without {SELECTED_STEPS}."])
        return SelectionDecision()
    faults = []
    selection = None
    try:
        selection = select(pipeline.graph, given)
    except SelectionError as error:
        faults += [f"{SELECTED_STEPS}: {fault}" for fault in error.faults]
    role = None if selection is None else selection.roles[task.step]
    runs = PastRuns(context, pipeline.task_of)
    reads_it = role is Role.COPY or not task.upstream
    if source is not None and reads_it and (fault := _unusable(runs, source)) is not None:
        faults.append(fault)
    if selection is None or role is None or faults:
        raise SelectionError(faults)
    if not task.upstream:
        source = _source(runs, selection, source)
    elif role is Role.COPY and source is None:
        source = _source_given_by(context, task.upstream) or _source(runs, selection, None)
    return SelectionDecision(role, source)


def take_over(context: Context, source: str) -> Any:
    """Leave what the task of a context has left in another run, but for its result, which is returned; None for none.

    A step that failed there has left a note of that, which goes with its result: no later run takes it for a success.
    """
    result, job, *others = (_left(context, source, key) for key in (RESULT_KEY, JOB_KEY, SEALED_KEY, END_KEY))
    for key, value in zip((SEALED_KEY, END_KEY), others, strict=True):
        if value is not None:
            context["ti"].xcom_push(key=key, value=value)
    context["ti"].xcom_push(key=JOB_KEY, value={**(job or {}), SOURCE_MEMBER: source})
    return result


def _left(context: Context, source: str, key: str) -> Any:
    """What the task of a context has left under a key in another run, or None."""
    ti = context["ti"]
    map_index = -1 if ti.map_index is None else ti.map_index
    return ti.xcom_pull(task_ids=ti.task_id, run_id=source, key=key, map_indexes=map_index)


def _unusable(runs: PastRuns, source: str) -> str | None:
    if not runs.exists(source):
        return f"{SOURCE_RUN}: this Dag has no run {source!r}."
    if not runs.is_finished(source):
        return f"{SOURCE_RUN}: the run {source!r} has not ended."
    return None


def _source(runs: PastRuns, selection: Selection, given: str | None) -> str | None:
    """The run to copy from; None where nothing is needed of one."""
    needed = selection.ends
    if given is not None:
        if missing := runs.missing(given, needed):
            raise SelectionError([f"{SOURCE_RUN}: {_needs(selection, missing)}, and the run {given!r} has none."])
        return given
    if needed:
        found = runs.latest_with(needed)
        if found is None:
            raise SelectionError([f"{SELECTED_STEPS}: {_needs(selection, [*needed])}. {_no_run([*needed])}"])
        return found
    copied = {name: SUCCEEDED for name, role in selection.roles.items() if role is Role.COPY}
    return runs.latest_with(copied) if copied else None


def _needs(selection: Selection, steps: list[str]) -> str:
    needs = []
    for step in steps:
        readers, ends = " and ".join(map(repr, selection.readers[step])), selection.ends[step]
        wanted = " or ".join(end.value for end in StepEnd if end in ends) or "of no end at all"
        how = "" if ends == SUCCEEDED else f", ended as {wanted}"
        needs.append(f"{readers} needs the result of {step!r}{how}")
    return f"{'; '.join(needs)}, which {'is' if len(steps) == 1 else 'are'} not selected"


def _no_run(needed: list[str]) -> str:
    what = "it" if len(needed) == 1 else "all of them"
    steps = " and ".join(map(repr, needed))
    return f"No earlier run of this Dag that has ended has {what}. Select {steps} too, or run the whole pipeline first."


def _source_given_by(context: Context, upstream: Iterable[str]) -> str | None:
    for task_id in upstream:
        job: Any = context["ti"].xcom_pull(task_ids=task_id, key=JOB_KEY)
        # A mapped task has one for each of its children.
        for each in job if isinstance(job, list) else [job]:
            if isinstance(each, dict) and isinstance(source := each.get(SOURCE_MEMBER), str):
                return source
    return None
