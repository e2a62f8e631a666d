"""A definition to its plan: reading, checks against the API and graph in one call, with the findings of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.hidden import hide_secrets
from airflow_sm_pipelines.definition.reader import name_of, read_document
from airflow_sm_pipelines.definition.scope import Options
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.graph.dependencies import connect
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.validation.allow_list import AllowList
from airflow_sm_pipelines.validation.check_allowed import check_allowed
from airflow_sm_pipelines.validation.check_policies import check_policies
from airflow_sm_pipelines.validation.check_properties import check_properties
from airflow_sm_pipelines.validation.check_rules import check_rules
from airflow_sm_pipelines.validation.check_types import check_types
from airflow_sm_pipelines.validation.check_values import check_values
from airflow_sm_pipelines.validation.severities import ERRORS
from airflow_sm_pipelines.validation.text_members import with_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.expressions import Scalar
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph.model import Graph
    from airflow_sm_pipelines.step_types.registry import StepTypeRegistry
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.validation.severities import ValueSeverities


class Plan(Struct, frozen=True):
    """A pipeline, the graph of its steps, and what is known of their types, by name."""

    pipeline: Pipeline
    graph: Graph
    step_types: FrozenDict[str, StepType]

    def type_of(self, step: Step) -> StepType | None:
        """The type of a step, with the API that its Arguments are for; None where the type is not known."""
        known = self.step_types.get(step.type)
        return None if known is None else known.used_with(step.arguments)


def plan(
    definition: Source,
    *,
    source: str | None = None,
    step_types: StepTypeRegistry = STEP_TYPES,
    unsupported_keys: UnsupportedKeys = "warn",
    unsupported_steps: UnsupportedSteps = "error",
    is_secret: IsSecret = AIRFLOWS_NAMES,
    allowed: AllowList | None = None,
    values: ValueSeverities | None = ERRORS,
    given: Mapping[str, Scalar] | None = None,
) -> Plan:
    """Read a definition, check it against the API model and order its steps.

    :param step_types: a step type that is not in it is not known
    :param is_secret: which names are those of secrets, whose values no finding shows; by default Airflow's list
    :param allowed: what the deployment lets definitions name; by default anything
    :param values: how grave a value is that AWS would refuse; None: no value is judged
    :param given: the values that Airflow gives parameters

    The other arguments are those of ``read_definition``.

    :raises DefinitionError: with every finding of the document and of its graph; cycles are found
        even where other findings exist.
    """
    collector = FindingCollector()
    options = Options(step_types, unsupported_keys, unsupported_steps)
    reading = read_document(definition, collector, options)
    graph, known = None, FrozenDict[str, "StepType"]()
    if reading.pipeline is not None:
        names = dict.fromkeys(step.type for step in reading.pipeline.walk())
        known = FrozenDict({name: step_types[name] for name in names if name in step_types})
        check_types(reading.pipeline, step_types, collector)
        check_properties(reading.pipeline, known, collector)
        texts = [] if values is None else check_values(reading.pipeline, known, values, collector, given or {})
        check_policies(reading.pipeline, known, collector)
        check_rules(reading.pipeline, known, collector)
        check_allowed(reading.pipeline, known, allowed or AllowList(), collector)
        read = with_texts(reading.pipeline, texts)
        reading = replace(reading, pipeline=read)
        graph = connect(read, collector)
    if reading.document is not None:
        hide_secrets(reading.document.definition, collector, is_secret)
    pipeline = reading.settle(collector, source or name_of(definition))
    # Without a graph there is a finding, and settling has raised it.
    assert graph is not None
    return Plan(pipeline, graph, known)
