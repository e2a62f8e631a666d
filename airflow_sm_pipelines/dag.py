"""A pipeline definition as an Airflow Dag."""

from __future__ import annotations

import sys
from datetime import timedelta
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, TriggerRule
from airflow.sdk.definitions.param import ParamsDict
from msgspec.structs import replace

from airflow_sm_pipelines.cache.key import may_cache
from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.expressions.identity import pipeline_name
from airflow_sm_pipelines.expressions.pipeline import PipelineFacts
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.jobs.masking import Masking
from airflow_sm_pipelines.jobs.retry import StepRetries
from airflow_sm_pipelines.markdown import bullets, documentation, escaped
from airflow_sm_pipelines.naming import dag_id_of
from airflow_sm_pipelines.operators.assets import outlets_of
from airflow_sm_pipelines.operators.for_each_group import add_for_each, connect
from airflow_sm_pipelines.operators.registry import operators_of
from airflow_sm_pipelines.params import params_of, selection_params, with_values
from airflow_sm_pipelines.pools import effective_limit, limited_default_args, pool_arguments
from airflow_sm_pipelines.settings import read_settings
from airflow_sm_pipelines.validation.severities import severities_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.operators.step import StepOperator
    from airflow_sm_pipelines.settings import Settings, UnsupportedKeys, UnsupportedSteps

DAG_TAG = "sagemaker-pipeline"
RETRY_DELAY = timedelta(seconds=10)


class FromSettings(Enum):
    """Stands for an argument that was not given where None has a meaning of its own."""

    DEFAULT = "default"


class SageMakerPipelineDag(DAG):
    """The Dag of a SageMaker pipeline definition: each step a task of the step's name.

    Where an argument is not given, the option of the same name in Airflow's ``[sagemaker_pipelines]`` section holds,
    and else its default.

    :param definition: the path of a JSON file, JSON text, or a mapping; either the definition itself or the
        describe-pipeline response that wraps it
    :param dag_id: by default the PipelineName of a describe-pipeline response, else the file's stem
    :param parameters: values that take the place of the parameters' defaults
    :param aws_conn_id: the Airflow connection with the credentials
    :param region_name: the AWS region; by default the connection's, else ``AWS_DEFAULT_REGION``
    :param role_arn: the role that fills a missing RoleArn in a step's Arguments; by default the response's
    :param parallelism: how many steps of a run run at once, 0 for any number; by default the response's
        ParallelismConfiguration, and only then the option. A ``pool`` in the default_args takes its place
    :param rejoin: the steps for which any one taken branch is enough to run
    :param unsupported_steps: ``error`` refuses a definition with a step type that is not known, ``placeholder``
        gives it a task that fails when it is reached
    :param unsupported_keys: whether a key that is not known refuses the definition or is only warned of
    :param values: whether a value that AWS would refuse is an error or a warning, with exceptions by the code of the
        finding: ``error, value-pattern=warn``
    :param deferrable: whether waiting for a job holds no worker
    :param source: what findings call the definition where it is not given as a path
    :param dag_arguments: any argument of Airflow's DAG
    :raises DefinitionError: with every finding of the definition
    """

    def __init__(
        self,
        definition: Path | str | bytes | Mapping[str, Any],
        *,
        dag_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        aws_conn_id: str | FromSettings | None = FromSettings.DEFAULT,
        region_name: str | None = None,
        role_arn: str | None = None,
        parallelism: int | None = None,
        rejoin: Sequence[str] = (),
        unsupported_steps: UnsupportedSteps | None = None,
        unsupported_keys: UnsupportedKeys | None = None,
        values: str | None = None,
        deferrable: bool | None = None,
        source: str | None = None,
        **dag_arguments: Any,
    ) -> None:
        caller = sys._getframe(1).f_code.co_filename
        definition = _located(definition, caller)
        settings = read_settings()
        settings = replace(
            settings,
            aws_conn_id=settings.aws_conn_id if isinstance(aws_conn_id, FromSettings) else aws_conn_id,
            region_name=region_name or settings.region_name,
            deferrable=settings.deferrable if deferrable is None else deferrable,
        )
        planned = plan(
            definition,
            source=source,
            unsupported_steps=unsupported_steps or settings.unsupported_steps,
            unsupported_keys=unsupported_keys or settings.unsupported_keys,
            is_secret=Masking(settings.not_secret).is_secret,
            allowed=settings.allowed,
            values=severities_of(values or settings.values),
            given=parameters,
        )
        pipeline = planned.pipeline
        source = source or _file_name(definition)
        dag_id = dag_id or dag_id_of(definition, pipeline.name)
        given, is_secret = parameters or {}, Masking(settings.not_secret).is_secret
        params = params_of(pipeline, given, is_secret, scheduled=dag_arguments.get("schedule") is not None)
        _check_rejoin(planned, rejoin)
        self.parallelism = effective_limit(parallelism, pipeline.max_parallel_steps, settings.parallelism)
        super().__init__(
            dag_id,
            **{
                "description": pipeline.description,
                "doc_md": _documentation(pipeline, source),
                "dag_display_name": pipeline.display_name or dag_id,
                **dag_arguments,
                "default_args": limited_default_args(dag_arguments.get("default_args") or {}, self.parallelism),
                "tags": sorted({DAG_TAG, *(dag_arguments.get("tags") or ())}),
            },
        )
        self.fileloc = caller
        self.plan = planned
        facts = PipelineFacts(
            name=pipeline_name(dag_id),
            digest=pipeline.digest,
            parameters=MappingProxyType(with_values(pipeline.parameters, given, is_secret)),
            property_files=MappingProxyType(
                {step.name: {file.name: file for file in step.property_files} for step in planned.graph.steps}
            ),
            experiment=pipeline.experiment,
            mlflow=pipeline.mlflow,
            role_arn=role_arn or pipeline.role_arn or settings.role_arn,
            graph=planned.graph,
            step_types=planned.step_types,
        )
        _add_tasks(self, planned, facts, settings, frozenset(rejoin), source)
        # Set last: passed to DAG(), the parameters would be copied into every task and validated again for each
        # one whenever the Dag is serialized.
        self.params = ParamsDict({**params, **selection_params(step.name for step in planned.graph.steps)})


def _located(definition: Path | str | bytes | Mapping[str, Any], caller: str) -> Path | str | bytes | Mapping[str, Any]:
    """A text that is no JSON as the path that it is; a relative path is looked for beside the calling file."""
    if isinstance(definition, str) and not definition.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        definition = Path(definition)
    if isinstance(definition, Path) and not definition.is_absolute():
        beside = Path(caller).parent / definition
        return beside if beside.exists() else definition
    return definition


def _add_tasks(
    dag: SageMakerPipelineDag,
    planned: Plan,
    facts: PipelineFacts,
    settings: Settings,
    rejoin: frozenset[str],
    source: str | None,
) -> None:
    tasks, graph = {}, planned.graph
    operators = operators_of(planned, source)
    shared = _shared_arguments(dag, facts, settings)
    of_pool = pool_arguments(dag.dag_id, graph, dag.default_args)
    for step in graph.steps:
        operator = operators[step.type]
        common = {**shared, **of_pool[step.name]}
        arguments = common | _arguments(dag, step, operator, facts, settings, rejoin)
        if step.for_each is not None:
            body = step.for_each.body[0]
            mapped = operators[body.type]
            of_body = common | _arguments(dag, body, mapped, facts, settings, rejoin)
            tasks[step.name] = add_for_each(step, arguments, mapped, of_body)
            continue
        task = operator(**arguments)
        tasks[step.name] = (task, task)
    for edge in graph.reduced_edges:
        upstream, downstream = tasks[edge.upstream][1], tasks[edge.downstream][0]
        connect(upstream, downstream)
        if edge.label is not None:
            dag.set_edge_info(upstream.task_id, downstream.task_id, {"label": edge.label})


def _shared_arguments(dag: SageMakerPipelineDag, facts: PipelineFacts, settings: Settings) -> dict[str, Any]:
    """The arguments that all operators of a Dag have in common."""
    return {
        "dag": dag,
        "pipeline": facts,
        "settings": settings,
        "aws_conn_id": settings.aws_conn_id,
        "region_name": settings.region_name,
        "botocore_config": {
            "retries": {"mode": settings.aws_retry_mode, "total_max_attempts": settings.aws_max_attempts},
        },
        "retry_delay": RETRY_DELAY,
    }


def _arguments(
    dag: SageMakerPipelineDag,
    step: Step,
    operator: type[StepOperator],
    facts: PipelineFacts,
    settings: Settings,
    rejoin: frozenset[str],
) -> dict[str, Any]:
    """The arguments of one step's operator beside those."""
    retries = StepRetries.of_step(step.retry_policies, settings.max_lost_tries)
    arguments: dict[str, Any] = {
        "task_id": step.name,
        "task_display_name": step.display_name or step.name,
        "doc_md": None if step.description is None else escaped(step.description),
        "step": step,
        "retry_policy": retries,
        "retries": retries.upper_bound,
        **operator.arguments_of(step, facts.graph),
    }
    step_type = facts.step_types.get(step.type)
    if outlets := outlets_of(dag.dag_id, step, step_type, settings):
        arguments["outlets"] = [*(dag.default_args.get("outlets") or ()), *outlets]
    if may_cache(step_type, step, settings):
        # An inlet lets the task at the asset's state, and makes no events.
        arguments["inlets"] = [*(dag.default_args.get("inlets") or ()), cache_asset(dag.dag_id)]
    if step.name in rejoin:
        arguments["trigger_rule"] = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
    return arguments


def _check_rejoin(planned: Plan, rejoin: Sequence[str]) -> None:
    names = [step.name for step in planned.graph.steps]
    findings = [
        Finding(
            f"rejoin names the step {name!r}, which the definition does not have.",
            suggestion=nearest(name, names),
            code="unknown-rejoin-step",
        )
        for name in rejoin
        if name not in names
    ]
    if findings:
        raise DefinitionError("rejoin", findings)


def _file_name(definition: object) -> str | None:
    return definition.name if isinstance(definition, Path) else None


def _documentation(pipeline: Pipeline, source: str | None) -> str:
    """Where the Dag comes from, and what was ignored of its definition, for the Dag's page."""
    origin = f" of {escaped(storable(source))}" if source is not None else ""
    told = [f"The SageMaker pipeline definition{origin}: {sum(1 for _ in pipeline.walk())} steps."]
    if pipeline.description:
        told.append(escaped(pipeline.description))
    if pipeline.warnings:
        told += ["It was read with warnings:", *bullets(pipeline.warnings)]
    return documentation(told)
