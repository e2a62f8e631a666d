"""What a pipeline's Dag and its task group have in common: from definition and arguments to what tasks are made of."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct, structs

from airflow_sm_pipelines.arguments import (
    check_cache,
    check_default_args,
    check_fail_fast,
    check_parallelism,
    check_rejoin,
    with_warnings_of,
)
from airflow_sm_pipelines.default_args import settings_with
from airflow_sm_pipelines.expressions.identity import pipeline_name
from airflow_sm_pipelines.expressions.pipeline import PipelineContext
from airflow_sm_pipelines.given_definition import check_beside, file_name, given_replacements, handled
from airflow_sm_pipelines.given_roles import check_roles, replacement_of, role_of
from airflow_sm_pipelines.given_steps import check_steps, step_layers
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.graph.part import part_of
from airflow_sm_pipelines.operators.assets import assets_of
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.operators.registry import operators_of
from airflow_sm_pipelines.pools import effective_limit
from airflow_sm_pipelines.settings import read_settings
from airflow_sm_pipelines.sidecars.replacements import check_replaced
from airflow_sm_pipelines.validation.severities import severities_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.model import Parameter, Pipeline
    from airflow_sm_pipelines.definition.replacing import Replacement
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.definition.secret_names import IsSecret
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.graph.part import Chosen
    from airflow_sm_pipelines.operators.step import StepOperator
    from airflow_sm_pipelines.place import Place
    from airflow_sm_pipelines.settings import Assets, HandledFailures, Settings
    from airflow_sm_pipelines.sidecars.layers import Layer
    from airflow_sm_pipelines.step_types.roles import RoleReplacement


class Given(Struct, frozen=True, kw_only=True):
    """The arguments that a pipeline's Dag and task group have in common; those of :class:`.dag.SageMakerPipelineDag`.

    ``parameters`` are the values that are known when the Dag is made. None for ``aws_conn_id`` is one, so it is
    wrapped: an empty tuple stands for what is not given.
    """

    parameters: Mapping[str, Any]
    aws_conn_id: tuple[str | None, ...]
    region_name: str | None
    role_arn: str | None
    roles: Mapping[str, str] | None
    replace: Sequence[Mapping[str, Any] | Replacement] | None
    parallelism: int | None
    rejoin: Sequence[str]
    unsupported_steps: UnsupportedSteps | None
    unsupported_keys: UnsupportedKeys | None
    values: str | None
    handled_failures: HandledFailures | None
    assets: str | Assets | None
    cache: bool | None
    steps: Mapping[str, Mapping[str, Any]] | tuple[Layer, ...] | None
    select: Chosen
    exclude_steps: Chosen
    deferrable: bool | None
    source: str | None


class Prepared(Struct, frozen=True):
    """A pipeline of which all is known but its place. ``source`` is what findings call the definition."""

    given: Given
    plan: Plan
    settings: Settings
    operators: Mapping[str, type[StepOperator]]
    roles: RoleReplacement
    of_steps: tuple[Layer, ...]
    source: str | None

    @property
    def pipeline(self) -> Pipeline:
        return self.plan.pipeline

    @property
    def is_secret(self) -> IsSecret:
        return Masking(self.settings.not_secret).is_secret

    @property
    def parallelism(self) -> int | None:
        """How many steps of a run run at once."""
        return effective_limit(self.given.parallelism, self.pipeline.max_parallel_steps, self.settings.parallelism)

    def context(self, place: Place, parameters: Mapping[str, Parameter], **further: Any) -> PipelineContext:
        """What every step of the pipeline knows in its place.

        :param parameters: those of the definition, with the defaults that hold there
        :param further: what else is known of their values
        """
        pipeline, given = self.pipeline, self.given
        return PipelineContext(
            name=pipeline_name(place),
            place=place,
            digest=pipeline.digest,
            parameters=MappingProxyType(parameters),
            property_files=MappingProxyType(
                {step.name: {file.name: file for file in step.property_files} for step in pipeline.all_steps}
            ),
            experiment=pipeline.experiment,
            mlflow=pipeline.mlflow,
            role_arn=role_of(pipeline.role_arn, given.role_arn, self.settings.role_arn, self.roles),
            graph=self.plan.graph,
            step_types=self.plan.step_types,
            roles=self.roles,
            **further,
        )


def prepare(
    definition: Source,
    given: Given,
    *,
    default_args: Mapping[str, Any],
    own_default_args: object,
    fail_fast: object,
    findings: Iterable[Finding] = (),
) -> Prepared:
    """Read a definition and judge it, with the arguments that are given for it.

    :param default_args: those that hold for its tasks
    :param own_default_args: those of them that are the pipeline's alone
    :param findings: those of further arguments
    :raises DefinitionError: with every finding of the definition, else of the arguments
    """
    replaced = replacement_of(given.roles)
    settings = settings_with(read_settings(), default_args)
    settings = structs.replace(
        settings,
        aws_conn_id=given.aws_conn_id[0] if given.aws_conn_id else settings.aws_conn_id,
        region_name=given.region_name or settings.region_name,
        deferrable=settings.deferrable if given.deferrable is None else given.deferrable,
        assets=settings.assets if given.assets is None else assets_of(given.assets),
        cache=settings.cache if given.cache is None else bool(given.cache),
        handled_failures=handled(given.handled_failures or settings.handled_failures),
    )
    of_steps, replacements = step_layers(given.steps), given_replacements(given.replace)
    planned = plan(
        definition,
        source=given.source,
        unsupported_steps=given.unsupported_steps or settings.unsupported_steps,
        unsupported_keys=given.unsupported_keys or settings.unsupported_keys,
        is_secret=Masking(settings.not_secret).is_secret,
        allowed=settings.allowed,
        values=severities_of(given.values or settings.values),
        given=given.parameters,
        roles=replaced,
        replacements=replacements,
    )
    source = given.source or file_name(definition)
    operators = operators_of(planned, source)
    found = [
        *findings,
        *check_default_args(own_default_args, operators.values()),
        *check_fail_fast(planned, fail_fast, given.rejoin),
        *check_parallelism(given.parallelism),
        *check_cache(given.cache),
        *check_roles(planned, given.role_arn, given.roles, given.parameters),
        *check_steps(planned, of_steps, operators),
        *check_replaced(planned, replacements),
        *check_beside(definition, is_loaded=isinstance(given.steps, tuple)),
    ]
    planned = with_warnings_of(planned, source, found)
    check_rejoin(planned, given.rejoin)
    planned = part_of(planned, given.select, given.exclude_steps)
    return Prepared(given, planned, settings, operators, replaced, of_steps, source)
