"""What the pages say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from markupsafe import Markup

from airflow_sm_pipelines.server.pages.html import element, link, page, table

if TYPE_CHECKING:
    from fastapi.responses import HTMLResponse

    from airflow_sm_pipelines.server.pages.definition_source import ShownDefinition
    from airflow_sm_pipelines.server.pages.run_facts import RunFacts, TaskFacts

NOTHING = "-"
OF_DAG, OF_RUN = "../../..", "../../../.."
"""From a page of a Dag, and from one of a run, to the root of Airflow's pages: its own prefix is in neither."""


def missing(what: str) -> HTMLResponse:
    """The page of what is not there."""
    return page("Nothing to show", element("p", what), status=404)


def definition_page(dag_id: str, shown: ShownDefinition) -> HTMLResponse:
    """The definition, each step in a block of its own."""
    parts = [_links(OF_DAG, dag_id, runs="runs")]
    document = shown.document
    if document is None:
        parts.append(element("p", shown.why_not or "", " What Airflow stores of its steps:", class_="note"))
        for task_id, request in shown.requests.items():
            parts += _block(task_id, request)
        return page(f"Definition of {shown.title}", *parts)
    parts.append(element("p", f"{shown.file}, as it is in the dags folder now. Secrets are masked.", class_="note"))
    steps = document.get("Steps", [])
    parts.append(element("pre", _json({key: value for key, value in document.items() if key != "Steps"})))
    for step in steps:
        parts += _block(str(step.get("Name")), step)
    return page(f"Definition of {shown.title}", *parts)


def _block(name: str, value: Any) -> Iterator[Markup]:
    yield element("h2", name, id=f"step-{name}")
    yield element("pre", _json(value))


def runs_page(dag_id: str, runs: list[tuple[str, str | None, datetime | None, datetime | None]]) -> HTMLResponse:
    """The latest runs, each with a link to its summary."""
    rows = [
        (link(f"runs/{quote(run_id, safe='')}", run_id), _state(state), _time(start), _seconds(_between(start, end)))
        for run_id, state, start, end in runs
    ]
    body = table(("Run", "State", "Started", "Duration"), rows) if rows else element("p", "There is no run yet.")
    return page(f"Runs of {dag_id}", _links(OF_DAG, dag_id, definition="definition"), body)


def run_page(dag_id: str, run_id: str, run: RunFacts) -> HTMLResponse:
    """A run in one place: its jobs with their consoles, durations, and the tags by which its costs are found."""
    jobs = [task for task in run.tasks if task.seconds is not None and task.source is None]
    billable = [task.billable for task in jobs if task.billable is not None]
    facts = [
        ("State", _state(run.state)),
        ("Started", _time(run.started)),
        ("Duration", _seconds(_between(run.started, run.ended))),
        ("Time of its jobs", _seconds(sum(task.seconds or 0 for task in jobs) if jobs else None)),
        ("Billable time that AWS gives", _seconds(sum(billable) if billable else None)),
        ("Results of earlier runs", str(sum(task.source is not None for task in run.tasks))),
    ]
    tags = [(key, value) for key, value in run.tags.items()]
    rows = [_task(task, dag_id, run_id) for task in run.tasks]
    parts = [
        _links(OF_RUN, dag_id, definition="../definition", runs="../runs"),
        element("p", link(f"{OF_RUN}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}", "The run in Airflow")),
        element("table", *(element("tr", element("th", name), element("td", value)) for name, value in facts)),
        element("h2", "Tasks"),
        table(("Task", "State", "Tries", "Job", "On", "Job took", "Billable", "See"), rows),
    ]
    if run.not_shown:
        parts.append(element("p", f"{run.not_shown} more tasks are not shown.", class_="note"))
    if tags:
        parts += [
            element("h2", "Tags of all its jobs"),
            element("p", "Activated as cost allocation tags, they show its costs in Cost Explorer.", class_="note"),
            table(("Tag", "Value"), tags),
        ]
    return page(f"{dag_id}: {run_id}", *parts)


def _task(task: TaskFacts, dag_id: str, run_id: str) -> tuple[str, ...]:
    own = f"{OF_RUN}/dags/{quote(dag_id)}/runs/{quote(run_id, safe='')}/tasks/{quote(task.task_id)}"
    place = own if task.map_index < 0 else f"{own}/mapped/{task.map_index}"
    title = task.title if task.map_index < 0 else f"{task.title} [{task.map_index}]"
    job: str = task.job or NOTHING
    if task.source is not None:
        source = link(quote(task.source, safe=""), task.source)
        job = Markup("{} ({} {})").format(job, task.reused or "", source)
    reused = task.source is not None
    return (
        link(place, title),
        _state(task.state),
        str(task.tries),
        element("span", job, title=task.arn or ""),
        ", ".join(task.instances) or NOTHING,
        NOTHING if reused else _seconds(task.seconds),
        NOTHING if reused else _seconds(task.billable),
        Markup(", ").join(link(address, name) for name, address in task.links.items()) or NOTHING,
    )


def _links(root: str, dag_id: str, **pages: str) -> Markup:
    shown = [link(f"{root}/dags/{quote(dag_id)}", f"{dag_id} in Airflow")]
    shown += [link(address, name.capitalize()) for name, address in pages.items()]
    return element("nav", *shown)


def _state(state: str | None) -> Markup:
    return element("span", state or "not begun", class_=state or "")


def _time(time: datetime | None) -> str:
    return NOTHING if time is None else time.strftime("%Y-%m-%d %H:%M:%S UTC")


def _between(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else (end - start).total_seconds()


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
