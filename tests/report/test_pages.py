"""The pages of docs/ that are made from the code are those that the code makes now."""

from __future__ import annotations

from pathlib import Path

from airflow_sm_pipelines.provider_info import OPTIONS
from airflow_sm_pipelines.report.step_type_table import table

DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_step_types() -> None:
    assert (DOCS / "step-type-table.md").read_text() == "\n".join(table()) + "\n"


def test_every_setting_is_on_its_page() -> None:
    page = (DOCS / "settings.md").read_text()
    for name, option in OPTIONS.items():
        assert f"| `{name}` | {option['type']} | {option['default'] or '–'} | {option['description']} |" in page
