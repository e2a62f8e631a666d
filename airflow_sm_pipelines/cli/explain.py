"""``explain``: step by step what a definition does in Airflow, and what became of each of its keys."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.python_settings import with_python
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.report import report_of
from airflow_sm_pipelines.report.formatting import describe_items, describe_step, report_json, step_json
from airflow_sm_pipelines.settings import secret_names_of_environment
from airflow_sm_pipelines.sidecars.explained import explain_replaced, explain_settings, explain_step_settings

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.report import Report
    from airflow_sm_pipelines.sidecars.layers import Merged


def run(arguments: argparse.Namespace) -> int:
    """Explain a definition or one step; one with errors is not: they are reported, and the exit status is 1."""
    checked = plan_file(arguments)
    if checked.plan is None:
        return report_errors(checked)
    is_secret = secret_names_of_environment(os.environ)
    report = report_of(checked.plan, is_secret)
    replaced = list(explain_replaced(checked.plan, checked.given, is_secret))
    merged = with_python(checked.given, checked.path, checked.dag_id)
    given = list(explain_settings(merged, os.environ, is_secret, checked.plan))
    if arguments.step is not None:
        _explain_step(report, arguments.step, arguments.format, merged)
    elif arguments.format == "json":
        document = report_json(report)
        for shown, step in zip(document["steps"], report.steps, strict=True):
            shown["given"] = [each.to_json() for each in explain_step_settings(step.step, merged)]
        of_dag = {"given": [each.to_json() for each in given], "replaced": replaced}
        _write_json({"dag_id": checked.dag_id, **of_dag, **document})
    else:
        write_lines([f"{checked.dag_id}: {counted(len(report.steps), 'step')} in the order in which they could run"])
        for step in report.steps:
            write_lines(["", *describe_step(step, explain_step_settings(step.step, merged))])
        write_lines(["", "settings of the Dag, and where each comes from:", *(f"  {each}" for each in given)])
        if replaced:
            write_lines(["", "texts that replace what the definition says:", *(f"  {each}" for each in replaced)])
        write_lines(["", *describe_items(report)])
    return 0


def _explain_step(report: Report, name: str, form: str, given: Merged) -> None:
    names = [step.step.name for step in report.steps]
    if name not in names:
        near = nearest(name, names)
        raise CommandError(f"there is no step {name!r}{f', did you mean {near!r}?' if near else ''}")
    step = report.steps[names.index(name)]
    if form == "json":
        settings = [each.to_json() for each in explain_step_settings(step.step, given)]
        _write_json({**step_json(step), "given": settings})
    else:
        write_lines([*describe_step(step, explain_step_settings(step.step, given)), "", *map(str, step.items)])


def _write_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
