"""The pages of docs/ that are made from the code are those that the code makes now."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from airflow_sm_pipelines.definition.codes import CODES
from airflow_sm_pipelines.report import step_type_page
from airflow_sm_pipelines.report.findings_page import page as findings
from airflow_sm_pipelines.report.metrics_page import page as metrics
from airflow_sm_pipelines.report.settings_page import page
from airflow_sm_pipelines.report.step_type_table import table
from dev import command_line

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_step_types() -> None:
    assert (DOCS / "step-type-table.md").read_text() == "\n".join(table()) + "\n"


def test_the_page_of_settings() -> None:
    assert (DOCS / "settings.md").read_text() == "\n".join(page()) + "\n"


def test_the_page_of_step_types() -> None:
    assert (DOCS / "step-types.md").read_text() == "\n".join(step_type_page.page()) + "\n"


def test_the_page_of_findings() -> None:
    assert (DOCS / "findings.md").read_text() == "\n".join(findings()) + "\n"


def test_the_page_of_metrics() -> None:
    assert (DOCS / "metrics.md").read_text() == "\n".join(metrics()) + "\n"


def test_the_page_of_commands_and_options() -> None:
    assert (DOCS / "command-line-options.md").read_text() == command_line.page() + "\n"


def test_every_finding_has_a_code_of_the_table_and_every_code_is_used() -> None:
    texts = {file: file.read_text() for file in (DOCS.parent / "airflow_sm_pipelines").rglob("*.py")}
    without = [
        f"{file.name}:{call.lineno}"
        for file, text in texts.items()
        if "Finding" in text  # only these are parsed
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "Finding" and "code" not in ast.unparse(call)
    ]
    used = {
        code
        for file, text in texts.items()
        if file.name != "codes.py"
        for code in re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)*)"', text)
    }
    assert without == []
    assert CODES.keys() - used == set()
    assert list(CODES) == sorted(CODES)
