"""A plan as text to keep: the graph, and the template of each step's request as the definition writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.definition.expressions import to_json
from airflow_sm_pipelines.definition.writer import condition_to_json
from airflow_sm_pipelines.graph import Dependency, Plan, plan
from airflow_sm_pipelines.graph.reduction import drawn_edges
from airflow_sm_pipelines.report import Status, StepReport, report_of
from airflow_sm_pipelines.report.readable import leaves
from airflow_sm_pipelines.validation.severities import WARNINGS

GOLDEN = Path(__file__).parent
MAX_STEPS = 500
"""Documents with more steps than this are a test of scale, and their text would say the same thing again and again."""


def golden_file(name: str) -> Path:
    """Where the text of a document of the corpus is kept."""
    return GOLDEN / Path(name).with_suffix(".txt")


def golden_text(name: str, data: bytes) -> str | None:
    """The text of a document, or None for one that is refused or too large."""
    try:
        planned = plan(data, source=name, values=WARNINGS)
    except DefinitionError:
        return None
    if len(planned.graph.steps) > MAX_STEPS:
        return None
    return "".join(f"{line}\n" for line in _lines(planned))


def _lines(planned: Plan) -> Iterator[str]:
    for step in report_of(planned).steps:
        yield f"{step.step.name} [{step.step.type}]{f' in {step.loop}' if step.loop else ''}"
        yield from (f"  after {_dependency(planned, step.step.name, need)}" for need in step.waits_for)
        yield from (f"  {line}" for line in _request(step))
        yield ""
    yield "edges"
    yield from (f"  {e.upstream} -> {e.downstream}{f' [{e.label}]' if e.label else ''}" for e in planned.graph.edges)
    spared = len(planned.graph.edges) - len(drawn_edges(planned.graph))
    if spared:
        yield f"  ({spared} of them follow from others)"


def _dependency(planned: Plan, name: str, need: Dependency) -> str:
    label = next(e.label for e in planned.graph.edges if (e.upstream, e.downstream) == (need.step, name))
    kinds = dict.fromkeys(reason.kind.value for reason in need.reasons)
    return f"{need.step} ({', '.join(kinds)}{f' {label}' if label else ''})"


def _request(report: StepReport) -> Iterator[str]:
    step = report.step
    for condition in step.branches.conditions if step.branches else ():
        yield f"if {_compact(condition_to_json(condition))}"
    if step.for_each is not None:
        yield f"each of {_compact(to_json(step.for_each.items))}"
    for path, value in leaves(step.arguments):
        if value is not None and path:
            yield f"{path} = {_compact(to_json(value))}"
    for key, setting in step.settings.items():
        yield f"beside: {key} = {_compact(to_json(setting))}"
    prefix = f"{step.path}.Arguments."
    for item in report.items:
        if item.status is Status.DEFAULTED and item.path.startswith(prefix):
            yield f"added: {item.path.removeprefix(prefix)} = {item.text}"


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
