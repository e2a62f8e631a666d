"""A pipeline definition as an Airflow Dag."""

from __future__ import annotations

import logging
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk.definitions.param import ParamsDict

from airflow_sm_pipelines.arguments import (
    airflow_refusals,
    check_dag_arguments,
)
from airflow_sm_pipelines.default_args import default_args_of
from airflow_sm_pipelines.definition.findings import DefinitionError, unexpected
from airflow_sm_pipelines.definition_file import VERSION_KEY, record_file
from airflow_sm_pipelines.documented import DocumentedDag
from airflow_sm_pipelines.error_dag import become_error_dag
from airflow_sm_pipelines.expressions.templates import templates_of
from airflow_sm_pipelines.given_definition import calling_files, file_name, id_of_broken, located
from airflow_sm_pipelines.given_parameters import given_parameters
from airflow_sm_pipelines.given_steps import own_arguments
from airflow_sm_pipelines.naming import PIPELINE_TAG, dag_id_of
from airflow_sm_pipelines.operators.failure_report import MACROS
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.params import own_params, params_of, selection_params, with_values
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import limited_default_args
from airflow_sm_pipelines.preparation import Given, prepare
from airflow_sm_pipelines.settings import HandledFailures
from airflow_sm_pipelines.step_tasks import StepTasks
from airflow_sm_pipelines.stored_dag import faults_of_dag, faults_of_tasks, refuse_unstorable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.replacing import Replacement
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.graph.part import Chosen
    from airflow_sm_pipelines.settings import Assets
    from airflow_sm_pipelines.sidecars.layers import Layer

log = logging.getLogger(__name__)


class FromSettings(Enum):
    """Stands for an argument that was not given where None has a meaning of its own."""

    DEFAULT = "default"


class SageMakerPipelineDag(DocumentedDag):
    """The Dag of a SageMaker pipeline definition: each step a task of the step's name.

    Where an argument is not given, the option of the same name in Airflow's ``[sagemaker_pipelines]`` section holds,
    and else its default. Of ``aws_conn_id`` and ``region_name`` those in the default_args come first.

    :param definition: the path of a JSON file, JSON text, or a mapping. It is the definition itself, or a document that
        holds one: a describe-pipeline response, the input of create-pipeline, a CloudFormation template with one
        pipeline
    :param dag_id: by default the PipelineName that stands around the definition, in a template without one the
        resource's logical id, else the file's stem
    :param parameters: values that take the place of the parameters' defaults. A text with ``{{ }}`` is a template,
        rendered once in a run (docs/schedule.md); Airflow's ``literal`` keeps it as it is
    :param aws_conn_id: the Airflow connection with the credentials; by default that of the default_args
    :param region_name: the AWS region; by default that of the default_args, else the connection's, else
        ``AWS_DEFAULT_REGION``
    :param role_arn: the role that fills a missing RoleArn in a step's Arguments; by default the response's
    :param roles: the roles that take the place of the definition's: ``{old: new}``, or ``{"*": arn}`` for all and for a
        missing one
    :param replace: which beginnings of texts of the definition are replaced, each as ``{"at": JSON paths, "from": ...,
        "to": ...}``. The result is checked and run as if the definition said it (docs/sidecars.md)
    :param parallelism: how many steps of a run may be at work at once, 0 for any number; by default the response's
        ParallelismConfiguration, and only then the option. A ``pool`` in the default_args takes its place
    :param rejoin: the steps for which any one taken branch is enough to run
    :param unsupported_steps: ``error`` refuses a definition with a step type that is not known, ``placeholder``
        gives it a task that fails when it is reached
    :param unsupported_keys: whether a key that is not known refuses the definition or is only warned of
    :param values: whether a value that AWS would refuse is an error or a warning, with exceptions by the code of the
        finding: ``error, value-pattern=warn``
    :param handled_failures: what becomes of a run in which a step failed and another step ran upon that failure (a run
        condition in DependsOn). ``fail``: the run fails. ``succeed``: it succeeds if a step ran upon each failure
    :param assets: which outlets the tasks have: ``none``, ``models``, ``outputs`` or ``all``
    :param cache: whether steps whose CacheConfig asks for it reuse earlier results
    :param steps: arguments of the tasks of single steps, such as pool and queue, by the step's name, a glob of names or
        ``type:Training``. A name counts for more than a glob, and a glob for more than a type. They come before those
        of the default_args, and what is no argument of a step's task is a finding
    :param select: the only steps that the Dag has, by name, glob or ``type:``. A ``+`` before adds all that they wait
        for, a ``+`` behind all that waits for them (docs/parts.md). Unlike selective execution it is for all runs
    :param exclude_steps: steps that the Dag does not have, written in the same way
    :param deferrable: whether waiting for a job holds no worker
    :param source: what findings call the definition where it is not given as a path
    :param on_error: what becomes of a broken definition. ``dag``: a Dag of its id that keeps schedule, owner, tags and
        callbacks, shows the findings (they are in its ``error``) and fails with them. ``raise``: the findings are the
        import error of the dags file
    :param dag_arguments: any argument of Airflow's DAG. Its ``params`` stand beside the pipeline's. Of the
        ``default_args``, ``retries`` are the tries that may be lost to workers that died, and ``retry_delay`` is the
        pause after one. What cannot count is a finding (docs/semantics/given-by-airflow.md)
    :raises DefinitionError: with every finding of the definition, else of the arguments
    """

    error: DefinitionError | None = None
    plan: Plan

    def __init__(
        self,
        definition: Source,
        *,
        dag_id: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        aws_conn_id: str | FromSettings | None = FromSettings.DEFAULT,
        region_name: str | None = None,
        role_arn: str | None = None,
        roles: Mapping[str, str] | None = None,
        replace: Sequence[Mapping[str, Any] | Replacement] | None = None,
        parallelism: int | None = None,
        rejoin: Sequence[str] = (),
        unsupported_steps: UnsupportedSteps | None = None,
        unsupported_keys: UnsupportedKeys | None = None,
        values: str | None = None,
        handled_failures: HandledFailures | None = None,
        assets: str | Assets | None = None,
        cache: bool | None = None,
        steps: Mapping[str, Mapping[str, Any]] | tuple[Layer, ...] | None = None,
        select: Chosen = (),
        exclude_steps: Chosen = (),
        deferrable: bool | None = None,
        source: str | None = None,
        on_error: Literal["raise", "dag"] = "raise",
        **dag_arguments: Any,
    ) -> None:
        callers = calling_files()
        caller, definition = callers[-1], located(definition, callers)
        try:
            default_args = default_args_of(dag_arguments.get("default_args"), deferrable=deferrable)
            given = given_parameters(parameters)
            prepared = prepare(
                definition,
                Given(
                    parameters=given.known,
                    aws_conn_id=() if isinstance(aws_conn_id, FromSettings) else (aws_conn_id,),
                    region_name=region_name,
                    role_arn=role_arn,
                    roles=roles,
                    replace=replace,
                    parallelism=parallelism,
                    rejoin=rejoin,
                    unsupported_steps=unsupported_steps,
                    unsupported_keys=unsupported_keys,
                    values=values,
                    handled_failures=handled_failures,
                    assets=assets,
                    cache=cache,
                    steps=steps,
                    select=select,
                    exclude_steps=exclude_steps,
                    deferrable=deferrable,
                    source=source,
                ),
                default_args=default_args,
                own_default_args=dag_arguments.get("default_args"),
                fail_fast=dag_arguments.get("fail_fast"),
                findings=[*check_dag_arguments(dag_arguments)],
            )
            source, planned = prepared.source, prepared.plan
            pipeline, scheduled = planned.pipeline, dag_arguments.get("schedule") is not None
            dag_id = dag_id or dag_id_of(definition, pipeline.name or pipeline.logical_id)
            place = Place(dag_id)
            given.check(pipeline.parameters, dag_arguments)
            is_secret = prepared.is_secret
            params = params_of(pipeline, given.values, is_secret, scheduled=scheduled, templates=given.templates)
            own = own_params(dag_arguments.pop("params", None), pipeline, scheduled=scheduled)
            self.parallelism = prepared.parallelism
            with airflow_refusals(source or dag_id):
                super().__init__(
                    dag_id,
                    **{
                        "description": pipeline.description,
                        "dag_display_name": pipeline.display_name or dag_id,
                        # Airflow refuses that schedule for more.
                        **({"max_active_runs": 1} if dag_arguments.get("schedule") == "@continuous" else {}),
                        **dag_arguments,
                        "user_defined_macros": {**MACROS, **(dag_arguments.get("user_defined_macros") or {})},
                        "default_args": limited_default_args(place, default_args, self.parallelism),
                        "tags": sorted({PIPELINE_TAG, *(dag_arguments.get("tags") or ())}),
                    },
                )
            # Airflow judges a cron only when it takes the Dag up: there it would be the whole file's error.
            with airflow_refusals(source or dag_id, f"the schedule {self.schedule!r}", given=("schedule",)):
                self.timetable.validate()
            refuse_unstorable(source or dag_id, faults_of_dag(self))
            self.fileloc = caller
            self.plan = planned
            if pipeline.version_id is not None:
                self.default_args[VERSION_KEY] = pipeline.version_id
            if isinstance(definition, Path):
                record_file(self, definition, Path(caller).parent)
            self.document(planned, source, Masking(prepared.settings.not_secret))
            may_refuse = bool(default_args or prepared.of_steps or self.fail_fast)
            with airflow_refusals(source or dag_id, only_where=may_refuse):
                StepTasks(
                    dag=self,
                    graph=planned.graph,
                    pipeline=prepared.context(
                        place,
                        with_values(pipeline.parameters, given.values, is_secret),
                        own_params=frozenset(own),
                        templates=templates_of(
                            given.templates,
                            dag_arguments.get("user_defined_macros") or (),
                            dag_arguments.get("user_defined_filters") or (),
                        ),
                    ),
                    settings=prepared.settings,
                    operators=prepared.operators,
                    default_args=self.default_args,
                    rejoin=frozenset(rejoin),
                    own=own_arguments(planned, prepared.of_steps),
                ).add()
            refuse_unstorable(source or dag_id, faults_of_tasks(self.tasks))
            # Set last: passed to DAG(), the parameters would be copied into every task and validated again for each
            # one whenever the Dag is serialized.
            self.params = ParamsDict({**params, **own, **selection_params(step.name for step in planned.graph.steps)})
        except Exception as error:
            broken_id = None if on_error == "raise" else id_of_broken(definition, dag_id)
            if broken_id is None:
                raise
            file = source or file_name(definition) or broken_id
            self.error = error if isinstance(error, DefinitionError) else unexpected(file, error)
            log.error("%s", self.error, exc_info=None if self.error is error else error)
            become_error_dag(self, broken_id, file, self.error, dag_arguments)
            self.fileloc = caller
