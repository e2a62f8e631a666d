"""``diff``: what two definitions make Airflow do differently."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.cli.errors import USAGE_ERROR
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.report.definition_diff import changes
from airflow_sm_pipelines.settings import secret_names_of_environment

if TYPE_CHECKING:
    from airflow_sm_pipelines.cli.model import Checked


def run(arguments: argparse.Namespace) -> int:
    """Show the differences; 0 is none, 1 some, 2 a file that cannot be read or has errors, which are reported."""
    sides = [_checked(arguments, file) for file in (arguments.left, arguments.right)]
    left, right = (side.plan for side in sides)
    if left is None or right is None:
        for side in sides:
            if side.plan is None:
                report_errors(side)
        return USAGE_ERROR
    found = changes(left, right, secret_names_of_environment(os.environ))
    if arguments.format == "json":
        document = {
            "left": arguments.left,
            "right": arguments.right,
            "equal": not found,
            "changes": [change.to_json() for change in found],
        }
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    else:
        write_lines(map(str, found))
        write_lines([f"{arguments.left} and {arguments.right}: {counted(len(found), 'difference')}"])
    return 1 if found else 0


def _checked(arguments: argparse.Namespace, file: str) -> Checked:
    return plan_file(argparse.Namespace(**{**vars(arguments), "file": file}))
