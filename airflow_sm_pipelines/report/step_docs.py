"""The documentation of a step's task: what it is, what it waits for, and what it asks of AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.graph.run_conditions import label_of
from airflow_sm_pipelines.markdown import cell, documentation, escaped
from airflow_sm_pipelines.report.readable import located_leaves, readable, readable_condition, written

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_sm_pipelines.definition.expressions import Value
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.graph import Dependency

MAX_CONDITION_LENGTH = 400
MAX_ARGUMENTS = 12
MAX_NEEDS = 20
"""The text is stored with the Dag: what is longer stands in the definition."""


def step_documentation(step: Step, needs: Iterable[Dependency], arguments: Value) -> str:
    """The Markdown of a step's task; ``arguments`` are those to show, without secrets."""
    parts = [] if step.description is None else [escaped(step.description)]
    parts.append(f"{escaped(step.type)} step. It waits for {', '.join(_listed(needs)) or 'no other step'}.")
    if step.branches is not None:
        conditions = [
            cell(readable_condition(condition), MAX_CONDITION_LENGTH) for condition in step.branches.conditions
        ]
        parts.append(f"The if branch is taken where {' and '.join(conditions) or 'nothing is asked'}.")
    given = [(path, value) for path, value in located_leaves(arguments) if path is not None and value not in ((), {})]
    if given:
        # No table: Airflow shows the text in a narrow window, where a list is wrapped.
        lines = (f"- {cell(written(path))} = {cell(readable(value))}" for path, value in given[:MAX_ARGUMENTS])
        parts += ["Arguments:", "\n".join(lines)]
    if len(given) > MAX_ARGUMENTS:
        parts.append(f"{len(given) - MAX_ARGUMENTS} more arguments stand in the definition.")
    return documentation(parts)


def _listed(needs: Iterable[Dependency]) -> list[str]:
    names = []
    for need in needs:
        label = label_of(need)
        names.append(escaped(need.step) if label is None else f"{escaped(need.step)} ({label})")
    return names if len(names) <= MAX_NEEDS else [*names[:MAX_NEEDS], f"{len(names) - MAX_NEEDS} more"]
