"""What is wrong with the settings of one definition that is known: parameters, steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.expressions.given_values import GIVEN, missing_values, wrong_templates, wrong_values
from airflow_sm_pipelines.expressions.templates import split
from airflow_sm_pipelines.sidecars.replacements import check_replaced
from airflow_sm_pipelines.sidecars.steps import check_patterns
from airflow_sm_pipelines.step_types import STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.sidecars.layers import Merged


def check_given(planned: Plan, merged: Merged, is_secret: IsSecret) -> Iterator[Finding]:
    """What the Dag's class finds wrong with them, for who does not make it."""
    arguments = merged.arguments
    parameters, given = planned.pipeline.parameters, arguments.get(GIVEN, {})
    values, templates = split(given)
    yield from wrong_values(parameters, values, is_secret)
    yield from wrong_templates(parameters, templates)
    if arguments.get("schedule") is not None:
        yield from missing_values(parameters, given)
    yield from check_patterns(merged.layers, planned, STEP_TYPES)
    yield from check_replaced(planned, arguments.get("replace", ()))
