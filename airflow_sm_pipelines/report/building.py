"""From a plan to its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.report.document_keys import document_items
from airflow_sm_pipelines.report.masked import masked
from airflow_sm_pipelines.report.model import Report, StepReport, Use
from airflow_sm_pipelines.report.retries import retries_of
from airflow_sm_pipelines.report.step_keys import step_items

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Dependency, Plan


def report_of(plan: Plan, is_secret: IsSecret = AIRFLOWS_NAMES) -> Report:
    """What the plan does with every key of its document, step by step in the order in which they could run.

    :param is_secret: which names are those of secrets, whose values are not shown; by default Airflow's list
    """
    return report_of_masked(masked(plan, is_secret))


def report_of_masked(plan: Plan) -> Report:
    """:func:`report_of` a plan without secrets."""
    unknown_keys: dict[str | None, list[Finding]] = {}
    for finding in plan.pipeline.warnings:
        if finding.on_key:
            unknown_keys.setdefault(finding.step, []).append(finding)
    used_by: dict[str, list[Use]] = {}
    for step, loop in _in_order(plan):
        for dependency in _upstream(plan, step.name, loop):
            uses = [Use(step.name, reason) for reason in dependency.reasons]
            used_by.setdefault(dependency.step, []).extend(uses)
    reports = [
        StepReport(
            step=step,
            known=plan.type_of(step),
            waits_for=_upstream(plan, step.name, loop),
            used_by=tuple(used_by.get(step.name, ())),
            retries=retries_of(step, plan.type_of(step)),
            items=tuple(step_items(step, plan, loop, unknown_keys.get(step.name, ()))),
            loop=loop,
        )
        for step, loop in _in_order(plan)
    ]
    return Report(tuple(document_items(plan.pipeline, unknown_keys.get(None, ()))), tuple(reports))


def _upstream(plan: Plan, step: str, loop: str | None) -> tuple[Dependency, ...]:
    """What a step waits for; in the body of a loop, of that body."""
    return plan.graph.upstream[step] if loop is None else plan.graph.bodies[loop].upstream[step]


def _in_order(plan: Plan) -> Iterator[tuple[Step, str | None]]:
    """Every step with the loop around it, those in the body of a loop after it."""
    for step in plan.graph.steps:
        yield step, None
        inside = {} if step.for_each is None else {body.name: body for body in step.for_each.body}
        for body in plan.graph.bodies[step.name].steps if inside else ():
            yield inside[body.name], step.name
