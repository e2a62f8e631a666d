"""The pages of docs/ that are made from the code are those that the code makes now."""

from __future__ import annotations

from pathlib import Path

from airflow_sm_pipelines.report import step_type_page
from airflow_sm_pipelines.report.settings_page import page
from airflow_sm_pipelines.report.step_type_table import table

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_step_types() -> None:
    assert (DOCS / "step-type-table.md").read_text() == "\n".join(table()) + "\n"


def test_the_page_of_settings() -> None:
    assert (DOCS / "settings.md").read_text() == "\n".join(page()) + "\n"


def test_the_page_of_step_types() -> None:
    assert (DOCS / "step-types.md").read_text() == "\n".join(step_type_page.page()) + "\n"
