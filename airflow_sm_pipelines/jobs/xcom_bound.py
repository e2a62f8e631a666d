"""Which long texts of a job's description XCom holds whole: those that something needs, or that only XCom has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.expressions.long_texts import NO_BOUND, TextBound
from airflow_sm_pipelines.expressions.properties import place_of
from airflow_sm_pipelines.graph.referred import referred_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.expressions.stringify import Json
    from airflow_sm_pipelines.jobs.job_run import StepJobRun


def bound_of(run: StepJobRun, result: dict[str, Json], again: Mapping[str, Json]) -> TextBound:
    """What XCom holds of a step's result.

    :param again: what the Describe call of its job gives again, in the form of the result
    """
    longest = run.settings.max_xcom_text_length
    # What is made for one job takes its description with it.
    if not longest or run.adapter.leftover() is not None:
        return NO_BOUND
    referred = (place_of(result, path) for path in referred_paths(run.pipeline.graph, run.name_in_graph))
    own = ((name,) for name, value in result.items() if name not in again or again[name] != value)
    return TextBound(longest, frozenset({*own, *(place for place in referred if place is not None)}))
