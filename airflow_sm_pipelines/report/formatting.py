"""A report as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.step_types import cannot_be_run
from airflow_sm_pipelines.definition.writer import condition_to_json
from airflow_sm_pipelines.report.caching import describe_cache, key_in_words
from airflow_sm_pipelines.report.graph_export import trigger_json
from airflow_sm_pipelines.report.model import Status
from airflow_sm_pipelines.report.readable import leaves, readable, readable_condition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_sm_pipelines.report.model import Item, Report, StepReport

_LABEL = 13


def describe_step(report: StepReport, given: Sequence[object] = ()) -> Iterator[str]:
    """One step in a paragraph: operator, calls, request, what it waits for and why, who uses it, retries, cache.

    :param given: what it is given in Airflow, each with where it comes from
    """
    step, known = report.step, report.known
    yield f"{step.name} [{step.type}] {step.path}"
    if report.loop is not None:
        yield from _block("body of", [f"{report.loop}, once for each of its items"])
    if known is not None and known.operator_path is not None:
        yield from _block("operator", [known.operator_path])
        yield from _block("which is a", [known.instance_of] if known.instance_of else [])
    else:
        yield from _block("operator", [f"none: {cannot_be_run(step.type)}"])
    yield from _block("calls", [", ".join(known.calls)] if known is not None and known.calls else [])
    yield from _block(*_request(report))
    yield from _block("beside it", [f"{key} = {readable(value)}" for key, value in step.settings.items()])
    yield from _block("waits for", [f"{need.step}: {reason}" for need in report.waits_for for reason in need.reasons])
    yield from _block("needed by", [f"{use.step}: {use.reason}" for use in report.used_by])
    yield from _block("retries", [str(retry) for retry in report.retries])
    yield from _block("cache", list(describe_cache(step, known)))
    files = [f"{file.name}: {file.file_path} of the output {file.output_name}" for file in step.property_files]
    yield from _block("files", files)
    settings = [str(each) for each in given]
    if not any(each.startswith("pool ") for each in settings):
        settings.append("pool: Airflow's default, or the one that the Dag is given: a definition names none")
    yield from _block("settings", settings)
    notes = [item for item in report.items if item.status in (Status.IGNORED, Status.UNSUPPORTED)]
    yield from _block("note", [str(item) for item in notes])


def describe_items(report: Report) -> Iterator[str]:
    """Every key of the document, by what became of it."""
    items = list(report.all_items())
    for status in (Status.UNSUPPORTED, Status.IGNORED, Status.DEFAULTED, Status.HANDLED):
        chosen = [item for item in items if item.status is status]
        yield f"{status.value}: {len(chosen)} {'key' if len(chosen) == 1 else 'keys'}"
        yield from (f"  {item.path}: {item.text}" for item in chosen)


def step_json(report: StepReport) -> dict[str, Any]:
    """One step as JSON values; the request is as the definition writes it."""
    step, known = report.step, report.known
    branches = step.branches
    conditions = None if branches is None else [condition_to_json(condition) for condition in branches.conditions]
    return {
        "name": step.name,
        "type": step.type,
        "path": step.path,
        "body_of": report.loop,
        "operator": None if known is None else known.operator_path,
        "instance_of": None if known is None else known.instance_of,
        "calls": [] if known is None else list(known.calls),
        "request": to_json(step.arguments),
        "conditions": conditions,
        "settings": to_json(step.settings),
        "waits_for": [
            {"step": need.step, "reason": reason.kind.value, "path": reason.path, **trigger_json(reason)}
            for need in report.waits_for
            for reason in need.reasons
        ],
        "needed_by": [
            {
                "step": use.step,
                "reason": use.reason.kind.value,
                "path": use.reason.path,
                **trigger_json(use.reason),
            }
            for use in report.used_by
        ],
        "retries": [
            {
                "exception_types": list(retry.exception_types),
                "interval_seconds": retry.interval,
                "backoff_rate": retry.backoff,
                "max_attempts": retry.attempts,
                "expire_after_minutes": retry.minutes,
                "path": retry.path,
            }
            for retry in report.retries
        ],
        "cache": None
        if step.cache is None
        else {
            "enabled": to_json(step.cache.enabled),
            "expire_after": step.cache.expire_after,
            "key": list(key_in_words(known)) if known is not None and known.cached else None,
        },
        "property_files": [
            {"name": file.name, "output": file.output_name, "file": file.file_path} for file in step.property_files
        ],
        "keys": [_item(item) for item in report.items],
    }


def report_json(report: Report) -> dict[str, Any]:
    """A whole report as JSON values."""
    return {"keys": [_item(item) for item in report.items], "steps": [step_json(step) for step in report.steps]}


def _item(item: Item) -> dict[str, str]:
    return {"path": item.path, "status": item.status.value, "text": item.text}


def _block(label: str, lines: list[str]) -> Iterator[str]:
    for index, line in enumerate(lines):
        yield f"  {label if not index else '':<{_LABEL}}{line}"


def _request(report: StepReport) -> tuple[str, list[str]]:
    step = report.step
    if step.branches is not None:
        return "conditions", [readable_condition(one) for one in step.branches.conditions] or ["none: the If branch"]
    if step.for_each is not None:
        return "each of", [readable(step.for_each.items)]
    return "request", [f"{path} = {readable(value)}" for path, value in leaves(step.arguments) if path]
