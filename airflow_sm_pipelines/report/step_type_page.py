"""The page of what a user must know of single step types: ``python -m airflow_sm_pipelines.report.step_type_page``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.step_types import STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator


HEAD = """# Step types

Made by `python -m airflow_sm_pipelines.report.step_type_page > docs/step-types.md`.

Each section begins with a step of a definition, and with the tasks that it becomes in Airflow: the task's id, its
operator, and the tasks that it comes after. Then it says what a step does beyond its AWS calls, and what was chosen
where AWS is silent. What all step types call, need and return is in [step-type-table.md](step-type-table.md)."""


def page() -> Iterator[str]:
    """The lines of the page: a section for each guide, in the order of their titles."""
    guides = {step_type.guide for step_type in STEP_TYPES.built_in if step_type.guide is not None}
    yield HEAD
    for guide in sorted(guides, key=lambda guide: guide.title):
        yield from ("", f"## {guide.title}", "", guide.text.strip())


if __name__ == "__main__":
    print("\n".join(page()))
