"""ListPipelineExecutionSteps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.api.arns import Arns
from airflow_sm_pipelines.api.definitions import plan_of
from airflow_sm_pipelines.api.named_execution import execution, known_version
from airflow_sm_pipelines.api.operation import Call, given
from airflow_sm_pipelines.api.paging import paged
from airflow_sm_pipelines.api.runs import Run, Task
from airflow_sm_pipelines.api.statuses import step_reason, step_status
from airflow_sm_pipelines.api.step_metadata import metadata_of
from airflow_sm_pipelines.definition.model import Step
from airflow_sm_pipelines.definition.parameters import SELECTED_STEPS
from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.expressions.stringify import to_text
from airflow_sm_pipelines.graph import Graph
from airflow_sm_pipelines.graph.tasks import items_task
from airflow_sm_pipelines.operators.copied_results import SOURCE_MEMBER
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.wire.errors import ApiError

# Later than all that has started; JSON has no infinity.
NOT_STARTED = 1e12
MAX_REASON_LENGTH = 1024
MAX_ITEM_LENGTH = 12_800


class Listed(Struct, frozen=True):
    """A step of a run with its task; ``child`` is its place where it stands in the body of a ForEach step."""

    step: Step
    task: Task
    status: str
    name: str
    started_at: datetime | None
    child: Mapping[str, Any] | None = None


def list_pipeline_execution_steps(call: Call) -> dict[str, Any]:
    """The steps that have begun: what has not, or stands in a branch that was not taken, is not there, as in AWS."""
    if "PipelineExecutionArn" not in call.request:
        raise ApiError("ValidationException", "PipelineExecutionArn must be given.")
    found, run = execution(call)
    graph = plan_of(known_version(call, found, run)).graph
    listed = steps_of(graph, run, call.ports.runs.tasks(run))
    descending = call.request.get("SortOrder") != "Ascending"
    page, following = paged(call.request, listed, _order, descending=descending)
    arns = call.arns(found.version.role_arn)
    return {"PipelineExecutionSteps": [_shown(each, run, arns) for each in page], **following}


def _order(each: Listed) -> tuple[float, str, int]:
    """By the time, the latest being one that is about to begin. Two steps can have one name: that of a task cannot."""
    started = NOT_STARTED if each.started_at is None else each.started_at.timestamp()
    return started, each.task.task_id, each.task.map_index


def steps_of(graph: Graph, run: Run, tasks: Sequence[Task]) -> Iterator[Listed]:
    """The steps of a run that have begun, those in the bodies of ForEach steps included."""
    of: dict[str, list[Task]] = {}
    for task in tasks:
        of.setdefault(task.task_id, []).append(task)
    selected = run.conf.get(SELECTED_STEPS)
    for step in graph.steps:
        is_selected = not isinstance(selected, list) or step.name in selected
        for task in of.get(graph.task_of(step.name), ()):
            if not is_selected and _source(task) is None:
                continue
            first = next(iter(of.get(items_task(step.name), ())), None) if step.name in graph.bodies else None
            status = step_status(task, run) if first is None else _status_of_loop(first, task, run)
            if status is not None:
                yield Listed(step, task, status, step.name, _started(first or task))
        if step.name in graph.bodies and is_selected:
            yield from _children(graph, step, run, of)


def _children(graph: Graph, loop: Step, run: Run, of: Mapping[str, Sequence[Task]]) -> Iterator[Listed]:
    items: Any = next((task.result for task in of.get(items_task(loop.name), ())), None)
    for inner in graph.bodies[loop.name].steps:
        for task in of.get(graph.task_of(inner.name), ()):
            status = step_status(task, run)
            if task.map_index < 0 or status is None:
                continue
            item = items[task.map_index] if isinstance(items, list) and task.map_index < len(items) else None
            child = given(
                ParentStepName=loop.name,
                Index=task.map_index,
                Item=None if item is None else to_text(item)[:MAX_ITEM_LENGTH],
            )
            yield Listed(inner, task, status, f"{inner.name}-{task.map_index}", _started(task), child)


def _status_of_loop(first: Task, last: Task, run: Run) -> str | None:
    """A ForEach step goes from the task that finds the items to the one that has the result."""
    begun = step_status(first, run)
    if begun is None or last.state in ("success", "failed"):
        return step_status(last, run)
    return begun if begun in ("Starting", "Stopping", "Stopped") else "Executing"


def _started(task: Task) -> datetime | None:
    """When the first try began, and not the present one."""
    if task.record is not None and task.started_at is not None:
        return min(datetime.fromtimestamp(task.record.started_at, UTC), task.started_at)
    return task.started_at


def _shown(each: Listed, run: Run, arns: Arns) -> dict[str, Any]:
    step, task = each.step, each.task
    has_ended = each.status in ("Succeeded", "Failed", "Stopped")
    source, cached = _source(task), (task.job or {}).get("cache_source")
    reason = step_reason(task, each.status)
    return given(
        StepName=each.name,
        StepDisplayName=step.display_name,
        StepDescription=step.description,
        StartTime=None if each.started_at is None else each.started_at.timestamp(),
        EndTime=task.ended_at.timestamp() if has_ended and task.ended_at is not None else None,
        StepStatus=each.status,
        CacheHitResult=_source_execution(cached.get("run_id") if isinstance(cached, Mapping) else None, run, arns),
        FailureReason=None if reason is None else reason[:MAX_REASON_LENGTH],
        Metadata=metadata_of(step, task, arns) or {},
        AttemptCount=_attempts(task),
        SelectiveExecutionResult=_source_execution(source, run, arns),
        IterationContext=each.child,
    )


def _attempts(task: Task) -> int:
    """How many attempts the step has made: a try that was lost is none."""
    record = task.record
    if record is None:
        return 1
    return max(1, record.failures if task.state == "failed" else record.attempt)


def _source(task: Task) -> str | None:
    source = (task.job or {}).get(SOURCE_MEMBER)
    return source if isinstance(source, str) else None


def _source_execution(run_id: Any, run: Run, arns: Arns) -> dict[str, str] | None:
    if not isinstance(run_id, str):
        return None
    name = run.dag_id
    return {"SourcePipelineExecutionArn": arns.execution(name, execution_id(Place(name), run_id))}
