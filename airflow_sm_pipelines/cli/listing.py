"""``list``: the definitions of a folder, one in a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import check_file, files_of, place_below
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.terminal import write_lines

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.cli.model import Checked

_HEAD = ("DAG ID", "FILE", "STEPS", "PARAMETERS", "FINDINGS")


def run(arguments: argparse.Namespace) -> int:
    """List them; broken ones too, with their findings counted. The exit status is 0."""
    folder = Path(arguments.folder)
    if not folder.is_dir():
        raise CommandError(f"there is no folder {arguments.folder!r}")
    files = files_of([arguments.folder])
    found = [
        checked
        for path in files.paths
        for checked in check_file(path, arguments, files.settings[path], place_below(folder, path))
    ]
    if arguments.format == "json":
        sys.stdout.write(json.dumps([_document(checked, folder) for checked in found], indent=2) + "\n")
        return 0
    rows = [_HEAD, *(_row(checked, folder) for checked in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    write_lines("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return 0


def _row(checked: Checked, folder: Path) -> tuple[str, ...]:
    counts = ("-", "-")
    if checked.plan is not None:
        pipeline = checked.plan.pipeline
        counts = (str(len(pipeline.all_steps)), str(len(pipeline.parameters)))
    problems = [
        counted(number, noun) for number, noun in ((checked.errors, "error"), (checked.warnings, "warning")) if number
    ]
    return (checked.dag_id, checked.path.relative_to(folder).as_posix(), *counts, ", ".join(problems) or "-")


def _document(checked: Checked, folder: Path) -> dict[str, object]:
    pipeline = None if checked.plan is None else checked.plan.pipeline
    return {
        "dag_id": checked.dag_id,
        "file": checked.path.relative_to(folder).as_posix(),
        "steps": None if pipeline is None else [{"name": step.name, "type": step.type} for step in pipeline.all_steps],
        "parameters": None
        if pipeline is None
        else [
            {"name": parameter.name, "type": parameter.type.value, "required": not parameter.has_default}
            for parameter in pipeline.parameters.values()
        ],
        "errors": checked.errors,
        "warnings": checked.warnings,
    }
