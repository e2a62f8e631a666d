"""A definition to its plan: reading, checks against the API and graph in one call, with the findings of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from airflow_sm_pipelines.definition.findings import FindingCollector
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.definition.hidden import hide_secrets
from airflow_sm_pipelines.definition.parameters import coerce
from airflow_sm_pipelines.definition.reader import name_of, read_document
from airflow_sm_pipelines.definition.scope import Options
from airflow_sm_pipelines.definition.secret_names import AIRFLOWS_NAMES
from airflow_sm_pipelines.graph.dependencies import connect
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.roles import NO_REPLACEMENT, RoleReplacement
from airflow_sm_pipelines.validation.allow_list import AllowList
from airflow_sm_pipelines.validation.check_allowed import check_allowed
from airflow_sm_pipelines.validation.check_botocore import check_botocore
from airflow_sm_pipelines.validation.check_cleanup import check_cleanup
from airflow_sm_pipelines.validation.check_policies import check_policies
from airflow_sm_pipelines.validation.check_properties import check_properties
from airflow_sm_pipelines.validation.check_rules import check_rules
from airflow_sm_pipelines.validation.check_triggers import check_triggers
from airflow_sm_pipelines.validation.check_types import check_types
from airflow_sm_pipelines.validation.check_unique_names import check_unique_names
from airflow_sm_pipelines.validation.check_values import check_values
from airflow_sm_pipelines.validation.severities import ERRORS
from airflow_sm_pipelines.validation.text_members import with_texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.expressions import Scalar
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.definition.replacing import Replaced, Replacement
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph.model import Graph
    from airflow_sm_pipelines.step_types.registry import StepTypeRegistry
    from airflow_sm_pipelines.step_types.step_type import StepType
    from airflow_sm_pipelines.validation.judgement import TextMember
    from airflow_sm_pipelines.validation.severities import ValueSeverities


class Plan(Struct, frozen=True):
    """A pipeline, the graph of its steps, what is known of their types, by name, and what was replaced of its texts.

    ``left_out`` are the definition's steps that are none of the pipeline's (:mod:`airflow_sm_pipelines.graph.part`).
    """

    pipeline: Pipeline
    graph: Graph
    step_types: FrozenDict[str, StepType]
    replaced: tuple[Replaced, ...] = ()
    left_out: tuple[Step, ...] = ()

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
    roles: RoleReplacement = NO_REPLACEMENT,
    replacements: Sequence[Replacement] = (),
) -> Plan:
    """Read a definition, check it against the API model and order its steps.

    :param step_types: a step type that is not in it is not known
    :param is_secret: which names are those of secrets, whose values no finding shows; by default Airflow's list
    :param allowed: what the deployment lets definitions name; by default anything
    :param values: how grave a value is that AWS would refuse; None: no value is judged
    :param given: the values that Airflow gives parameters
    :param roles: the roles that stand for those of the definition
    :param replacements: what stands in the place of texts of the definition, before it is read

    The other arguments are those of ``read_definition``.

    :raises DefinitionError: with every finding of the document and of its graph; cycles are found
        even where other findings exist.
    """
    collector = FindingCollector()
    options = Options(step_types, unsupported_keys, unsupported_steps)
    reading = read_document(definition, collector, options, replacements)
    graph, known = None, FrozenDict[str, "StepType"]()
    if reading.pipeline is not None:
        names = dict.fromkeys(step.type for step in reading.pipeline.all_steps)
        known = FrozenDict({name: step_types[name] for name in names if name in step_types})
        check_types(reading.pipeline, step_types, collector)
        check_botocore(reading.pipeline, known, collector)
        check_properties(reading.pipeline, known, collector)
        texts = [] if values is None else _check_values(reading.pipeline, known, values, collector, given or {})
        check_policies(reading.pipeline, known, collector)
        check_triggers(reading.pipeline, known, collector)
        check_rules(reading.pipeline, known, collector)
        check_cleanup(reading.pipeline, collector)
        check_unique_names(reading.pipeline, known, collector)
        check_allowed(reading.pipeline, known, allowed or AllowList(), collector, roles)
        read = with_texts(reading.pipeline, texts)
        reading = replace(reading, pipeline=read)
        graph = connect(read, collector)
    if reading.document is not None:
        hide_secrets(reading.document.definition, collector, is_secret)
    pipeline = reading.settle(collector, source or name_of(definition))
    # Without a graph there is a finding, and settling has raised it.
    assert graph is not None
    return Plan(pipeline, graph, known, () if reading.document is None else reading.document.replaced)


def _check_values(
    pipeline: Pipeline,
    known: Mapping[str, StepType],
    values: ValueSeverities,
    collector: FindingCollector,
    given: Mapping[str, Scalar],
) -> list[TextMember]:
    """``check_values`` with the given values in the parameters' types, of which each can be given as a text."""
    typed = {
        name: coerce(value, pipeline.parameters[name].type)
        if isinstance(value, str) and name in pipeline.parameters
        else value
        for name, value in given.items()
    }
    return check_values(pipeline, known, values, collector, typed)
