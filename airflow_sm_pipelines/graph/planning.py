"""A definition to its plan: reading, checks against the API and graph in one call, with the findings of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.reader import name_of, read_document
from airflow_sm_pipelines.definition.scope import Options
from airflow_sm_pipelines.graph.dependencies import connect
from airflow_sm_pipelines.validation.check_arguments import check_arguments
from airflow_sm_pipelines.validation.check_policies import check_policies
from airflow_sm_pipelines.validation.check_properties import check_properties
from airflow_sm_pipelines.validation.check_rules import check_rules

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.model import Pipeline
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.graph.model import Graph


class Plan(Struct, frozen=True):
    """A pipeline and the graph of its steps."""

    pipeline: Pipeline
    graph: Graph


def plan(
    definition: Source,
    *,
    source: str | None = None,
    step_types: Collection[str] | None = None,
    unsupported_keys: UnsupportedKeys = "warn",
    unsupported_steps: UnsupportedSteps = "error",
) -> Plan:
    """Read a definition, check it against the API model and order its steps.

    The arguments are those of ``read_definition``.

    :raises DefinitionError: with every finding of the document and of its graph; cycles are found
        even where other findings exist.
    """
    collector = FindingCollector()
    options = Options(tuple(step_types or ()), unsupported_keys, unsupported_steps)
    reading = read_document(definition, collector, options)
    graph = None
    if reading.pipeline is not None:
        check_properties(reading.pipeline, collector)
        check_arguments(reading.pipeline, options.severity_of_keys, collector)
        check_policies(reading.pipeline, collector)
        check_rules(reading.pipeline, collector)
        graph = connect(reading.pipeline, collector)
    pipeline = reading.settle(collector, source or name_of(definition))
    # Without a graph there is a finding, and settling has raised it.
    assert graph is not None
    return Plan(pipeline, graph)
