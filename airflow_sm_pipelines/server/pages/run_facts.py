"""What came of a run, task by task, as Airflow's database has it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.models.dagrun import DagRun
from airflow.models.renderedtifields import RenderedTaskInstanceFields
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from msgspec import Struct
from sqlalchemy import select

from airflow_sm_pipelines.expressions.scope import JOB_KEY, RESULT_KEY
from airflow_sm_pipelines.jobs.success_line import duration_of, instances_of
from airflow_sm_pipelines.operators.copied_results import SOURCE_MEMBER
from airflow_sm_pipelines.operators.links import LINKS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

MAX_TASKS = 1000
MAX_RUNS = 50


class TaskFacts(Struct, frozen=True):
    """One task of a run. ``links`` are addresses by what they are called; ``seconds`` and ``billable`` those of the
    job; ``source`` is the run that the result comes from, and ``reused`` how: by the cache, or since the step was not
    selected.
    """

    task_id: str
    map_index: int
    title: str
    state: str | None
    tries: int
    job: str | None = None
    arn: str | None = None
    instances: tuple[str, ...] = ()
    seconds: float | None = None
    billable: float | None = None
    links: Mapping[str, str] = {}
    source: str | None = None
    reused: str | None = None


class RunFacts(Struct, frozen=True):
    """A run: its tasks, and the tags that all its jobs have, by which a bill can be split."""

    state: str | None
    started: datetime | None
    ended: datetime | None
    tasks: tuple[TaskFacts, ...]
    tags: Mapping[str, str]
    not_shown: int = 0


def runs_of(session: Session, dag_id: str) -> list[tuple[str, str | None, datetime | None, datetime | None]]:
    """The latest runs of a Dag: id, state, start, end."""
    query = select(DagRun.run_id, DagRun.state, DagRun.start_date, DagRun.end_date).where(DagRun.dag_id == dag_id)
    rows = session.execute(query.order_by(DagRun.id.desc()).limit(MAX_RUNS)).all()
    return [(run_id, _text(state), start, end) for run_id, state, start, end in rows]


def facts_of_run(session: Session, dag_id: str, run_id: str) -> RunFacts | None:
    """What came of a run; None where there is none."""
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        return None
    of_run = (TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
    found = list(session.scalars(select(TaskInstance).where(*of_run).limit(MAX_TASKS + 1)))
    order = sorted(found[:MAX_TASKS], key=_when)
    jobs = {key: value for key, value in _xcoms(session, dag_id, run_id, JOB_KEY) if isinstance(value, dict)}
    shown = {link.name: dict(_xcoms(session, dag_id, run_id, link.xcom_key)) for link in LINKS}
    results = {key: _described(value) for key, value in _xcoms(session, dag_id, run_id, RESULT_KEY) if key in jobs}
    tasks = []
    for task in order:
        key = (task.task_id, task.map_index)
        links = {name: address for name, of in shown.items() if isinstance(address := of.get(key), str) and address}
        tasks.append(_task(task, jobs.get(key, {}), results.get(key, {}), links))
    tags = _tags(session, dag_id, run_id, {key for key, job in jobs.items() if _source(job)[0] is None})
    return RunFacts(_text(run.state), run.start_date, run.end_date, tuple(tasks), tags, len(found) - len(order))


def _task(
    task: TaskInstance, job: Mapping[str, Any], described: Mapping[str, Any], links: Mapping[str, str]
) -> TaskFacts:
    source, reused = _source(job)
    return TaskFacts(
        task_id=task.task_id,
        map_index=task.map_index,
        title=str(task.task_display_name or task.task_id),
        state=_text(task.state),
        tries=task.try_number,
        job=_text(job.get("job_name")),
        arn=_text(job.get("job_arn")),
        instances=tuple(instances_of(described)),
        seconds=duration_of(described),
        billable=_number(described.get("BillableTimeInSeconds")),
        links=links,
        source=source,
        reused=reused,
    )


def _source(job: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """The run that a result comes from, and how."""
    if isinstance(copied := job.get(SOURCE_MEMBER), str):
        return copied, "not selected, result of"
    cached = job.get("cache_source")
    if isinstance(cached, dict) and isinstance(run_id := cached.get("run_id"), str):
        return run_id, "step cache, result of"
    return None, None


def _xcoms(session: Session, dag_id: str, run_id: str, key: str) -> Iterator[tuple[tuple[str, int], Any]]:
    query = select(XComModel.task_id, XComModel.map_index, XComModel.value).where(
        XComModel.dag_id == dag_id, XComModel.run_id == run_id, XComModel.key == key
    )
    for task_id, map_index, value in session.execute(query):
        yield (task_id, map_index), _plain(value)


def _plain(value: Any) -> Any:
    """A stored value; what a worker has sent is JSON text in a column of JSON."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _described(result: Any) -> dict[str, Any]:
    """A result with its times as such: in XCom they are ISO-8601 texts."""
    if not isinstance(result, dict):
        return {}
    return {
        name: _time(value) if name.endswith("Time") and isinstance(value, str) else value
        for name, value in result.items()
    }


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text


def _tags(session: Session, dag_id: str, run_id: str, jobs: set[tuple[str, int]]) -> dict[str, str]:
    """The tags that all jobs of the run were made with, as the rendered requests have them."""
    fields = RenderedTaskInstanceFields
    query = select(fields.task_id, fields.map_index, fields.rendered_fields)
    common: dict[str, str] | None = None
    for task_id, map_index, rendered in session.execute(query.where(fields.dag_id == dag_id, fields.run_id == run_id)):
        request = rendered.get("request") if isinstance(rendered, dict) else None
        if isinstance(request, str):
            request = _plain(request)
        given = request.get("Tags") if isinstance(request, dict) and (task_id, map_index) in jobs else None
        if isinstance(given, list):
            tags = {str(tag["Key"]): str(tag.get("Value")) for tag in given if isinstance(tag, dict) and "Key" in tag}
            common = tags if common is None else dict(common.items() & tags.items())
    return dict(sorted((common or {}).items()))


def _when(task: TaskInstance) -> tuple[bool, float, str, int]:
    started = task.start_date
    return started is None, 0.0 if started is None else started.timestamp(), task.task_id, task.map_index


def _text(value: Any) -> str | None:
    return None if value is None else str(getattr(value, "value", value))


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
