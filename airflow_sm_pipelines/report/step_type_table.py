"""The page of all step types, from the catalog: ``python -m airflow_sm_pipelines.report.step_type_table``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_sm_pipelines.catalog import STEP_TYPES
from airflow_sm_pipelines.report.caching import ALL_ARGUMENTS, key_in_words
from airflow_sm_pipelines.report.iam import action_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.catalog.step_type import StepType

HEAD = """# Step types

Made by `python -m airflow_sm_pipelines.report.step_type_table > docs/step-type-table.md`. What a type does where AWS is
silent: [step-types.md](step-types.md).

| step type | its task is a | IAM actions | properties | RetryPolicies | cached by the equality of |
|---|---|---|---|---|---|"""


def table() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    for name in sorted(STEP_TYPES):
        yield row(STEP_TYPES[name])


def row(step_type: StepType) -> str:
    """One step type as a row of the table."""
    instance = (step_type.instance_of or "").rpartition(".")[2]
    shape = step_type.properties
    properties = [] if shape is None else [f"{shape.operation}{f'.{shape.member}' if shape.member else ''}"]
    cells = (
        step_type.name,
        f"`{instance}`" if instance else "",
        "<br>".join(f"`{action}`" for action in dict.fromkeys(map(action_of, step_type.calls))),
        "<br>".join(f"`{name}`" for name in (*properties, *step_type.extra_properties)),
        step_type.retries.value,
        "<br>".join(f"`{name}`" if name != ALL_ARGUMENTS else name for name in key_in_words(step_type))
        if step_type.cached
        else "no",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(table()))
