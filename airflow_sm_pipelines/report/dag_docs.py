"""The documentation of a pipeline's Dag: its steps, its parameters, and what of its definition has no effect."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.markdown import bullets, cell, documentation, escaped, table
from airflow_sm_pipelines.report.building import report_of_masked
from airflow_sm_pipelines.report.masked import masked
from airflow_sm_pipelines.report.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Plan

MAX_STEPS = 60
MAX_PARAMETERS = 40
MAX_KEYS = 20
"""The text is stored with the Dag: what is longer stands in the definition, and ``explain`` shows all of it."""

_WITHOUT_EFFECT = frozenset({Status.IGNORED, Status.UNSUPPORTED})


def dag_documentation(plan: Plan, source: str | None, is_secret: IsSecret, links: Mapping[str, str]) -> str:
    """The Markdown of a pipeline's Dag.

    :param source: what the definition is called
    :param is_secret: which names are those of secrets, whose values are not shown
    :param links: addresses of pages about the Dag, by what they are called
    """
    pipeline, steps, shown = plan.pipeline, plan.pipeline.all_steps, masked(plan, is_secret)
    origin = f" of {escaped(storable(source))}" if source is not None else ""
    parts = [f"The SageMaker pipeline definition{origin}: {len(steps)} steps."]
    if plan.left_out:
        parts.append(f"Left out of this Dag: {escaped(listed([step.name for step in plan.left_out]))}.")
    if pipeline.description:
        parts.append(escaped(pipeline.description))
    if links:
        parts.append(" · ".join(f"[{name}]({address})" for name, address in links.items()))
    parts.append(table(("Step", "Type", "Waits for"), [_step(step, plan) for step in steps[:MAX_STEPS]]))
    parts += _more(len(steps) - MAX_STEPS, "steps")
    parts += _list("Parameters:", _parameters(shown), MAX_PARAMETERS, "parameters")
    if pipeline.warnings:
        parts += ["It was read with warnings:", *bullets(pipeline.warnings)]
    warned = {finding.path for finding in pipeline.warnings}
    ignored = [
        f"- {cell(f'{item.path}: {item.text}')}"
        for item in report_of_masked(shown).all_items()
        if item.status in _WITHOUT_EFFECT and item.path not in warned
    ]
    parts += _list("Without effect here:", ignored, MAX_KEYS, "keys")
    return documentation(parts)


def _list(head: str, lines: list[str], most: int, noun: str) -> Iterator[str]:
    # Airflow shows the text in a narrow window: a list is wrapped there, a wide table is not.
    if lines:
        yield head
        yield "\n".join(lines[:most])
        yield from _more(len(lines) - most, noun)


def _more(count: int, noun: str) -> Iterator[str]:
    if count > 0:
        yield f"{count} more {noun} stand in the definition."


def _step(step: Step, plan: Plan) -> tuple[str, ...]:
    needs = ", ".join(need.step for need in plan.graph.needs_of(step.name))
    loop = plan.graph.loop_of.get(step.name)
    return escaped(step.name), cell(step.type if loop is None else f"{step.type}, in {loop}"), cell(needs)


def _parameters(shown: Plan) -> list[str]:
    lines = []
    for parameter in shown.pipeline.parameters.values():
        default = "every run gives it"
        if parameter.has_default:
            default = json.dumps(parameter.default, ensure_ascii=False)
        lines.append(f"- {escaped(parameter.name)} ({parameter.type.value}): {cell(default)}")
    return lines
