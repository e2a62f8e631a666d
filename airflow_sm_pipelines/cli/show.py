"""``show``: the steps of a definition and their order."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.checking import plan_file, report_errors
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.report.graph_export import dot, graph_json, mermaid
from airflow_sm_pipelines.report.tree import tree

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from airflow_sm_pipelines.graph import Plan


def run(arguments: argparse.Namespace) -> int:
    """Show the graph; a definition with errors has none: they are reported, and the exit status is 1."""
    checked = plan_file(arguments)
    if checked.plan is None:
        return report_errors(checked)
    if arguments.format == "json":
        sys.stdout.write(json.dumps(graph_json(checked.plan, checked.dag_id), indent=2) + "\n")
    else:
        write_lines(_drawn(checked.plan, checked.dag_id, arguments.format))
    return 0


def _drawn(plan: Plan, title: str, form: str) -> Iterator[str]:
    match form:
        case "dot":
            yield from dot(plan, title)
        case "mermaid":
            yield from mermaid(plan)
        case _:
            yield from tree(plan, title)
