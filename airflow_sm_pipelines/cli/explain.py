"""``explain``: step by step what a definition does in Airflow, and what became of each of its keys."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import plan_file, tell_errors
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.secret_names import names_of_environment
from airflow_sm_pipelines.report import report_of
from airflow_sm_pipelines.report.formatting import report_json, step_json, tell_items, tell_step

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.report import Report


def run(arguments: argparse.Namespace) -> int:
    """Explain a definition or one step; one with errors is not explained: they are told, and the exit status is 1."""
    checked = plan_file(arguments)
    if checked.plan is None:
        return tell_errors(checked)
    report = report_of(checked.plan, names_of_environment(os.environ))
    if arguments.step is not None:
        _explain_step(report, arguments.step, arguments.format)
    elif arguments.format == "json":
        _write_json({"dag_id": checked.dag_id, **report_json(report)})
    else:
        write_lines([f"{checked.dag_id}: {counted(len(report.steps), 'step')} in the order in which they could run"])
        for step in report.steps:
            write_lines(["", *tell_step(step)])
        write_lines(["", *tell_items(report)])
    return 0


def _explain_step(report: Report, name: str, form: str) -> None:
    names = [step.step.name for step in report.steps]
    if name not in names:
        near = nearest(name, names)
        raise CommandError(f"there is no step {name!r}{f', did you mean {near!r}?' if near else ''}")
    step = report.steps[names.index(name)]
    if form == "json":
        _write_json(step_json(step))
    else:
        write_lines([*tell_step(step), "", *map(str, step.items)])


def _write_json(document: object) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
