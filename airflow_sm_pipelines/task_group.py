"""A pipeline definition as a task group of any Dag (docs/embedding.md)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import DAG, TaskGroup
from airflow.sdk.definitions._internal.contextmanager import DagContext, TaskGroupContext
from msgspec import structs

from airflow_sm_pipelines.arguments import airflow_refusals
from airflow_sm_pipelines.broken_group import add_error_task, empty
from airflow_sm_pipelines.dag import FromSettings, SageMakerPipelineDag
from airflow_sm_pipelines.default_args import default_args_of
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, unexpected
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.documented import group_documentation
from airflow_sm_pipelines.error_dag import accepted_of_task
from airflow_sm_pipelines.expressions.templates import templates_of
from airflow_sm_pipelines.given_definition import calling_files, file_name, id_of_broken, located
from airflow_sm_pipelines.given_parameters import GivenParameters, given_parameters
from airflow_sm_pipelines.given_steps import own_arguments
from airflow_sm_pipelines.group_arguments import (
    CODE,
    around_mapped,
    as_group_id,
    check_group_arguments,
    group_id_of,
    inherited_findings,
    neutral_arguments,
    split_parameters,
)
from airflow_sm_pipelines.operators.step_output import OutputSource, StepOutput
from airflow_sm_pipelines.params import check_values, fixed_values
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import limit_key, limited_default_args
from airflow_sm_pipelines.preparation import Given, prepare
from airflow_sm_pipelines.step_tasks import StepTasks
from airflow_sm_pipelines.stored_dag import faults_of_tasks, refuse_unstorable
from airflow_sm_pipelines.validation.check_properties import misfit_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow.sdk.definitions._internal.mixins import ResolveMixin

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.expressions import PropertyPath
    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.definition.replacing import Replacement
    from airflow_sm_pipelines.definition.scope import UnsupportedKeys, UnsupportedSteps
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.graph.part import Chosen
    from airflow_sm_pipelines.preparation import Prepared
    from airflow_sm_pipelines.settings import Assets, HandledFailures

log = logging.getLogger(__name__)


class SageMakerPipelineTaskGroup(TaskGroup):
    """A SageMaker pipeline in a Dag with other tasks: each step is a task ``<group id>.<step>``.

    What comes after the group waits for its last task, which fails where a step has failed, and succeeds where the
    pipeline has, whichever branches it took.

    :param definition: as that of :class:`SageMakerPipelineDag`, and so are all arguments that have a name of its own
    :param group_id: by default what the dag id would be, with ``-`` for each ``.``
    :param parameters: values of the pipeline's parameters, by name. A value is a literal, an ``XComArg`` of Airflow
        (the ``output`` of a task, what a TaskFlow function returns), ``dag.param("name")``, or the output of another
        group's step. A text with ``{{ }}`` is a template, as in :class:`SageMakerPipelineDag`
    :param on_error: what becomes of a broken definition. ``raise``: its findings are the import error of the dags file.
        ``task``: a group with one task that fails with them, so that the rest of the Dag is there
    :param dag: the Dag, by default the one of the ``with`` block
    :param default_args: of this pipeline's tasks; what cannot count for steps is a finding. Those of the Dag count too,
        and what cannot count among them is left out
    :param group_arguments: any further argument of Airflow's TaskGroup but ``prefix_group_id``
    :raises DefinitionError: with every finding of the definition, else of the arguments
    """

    error: DefinitionError | None = None
    plan: Plan | None = None
    _is_in_dag = False

    def __init__(
        self,
        definition: Source,
        *,
        group_id: str | None = None,
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
        steps: Mapping[str, Mapping[str, Any]] | None = None,
        select: Chosen = (),
        exclude_steps: Chosen = (),
        deferrable: bool | None = None,
        source: str | None = None,
        on_error: Literal["raise", "task"] = "raise",
        dag: DAG | None = None,
        default_args: Mapping[str, Any] | None = None,
        **group_arguments: Any,
    ) -> None:
        definition = located(definition, calling_files())
        parent, dag = _around(group_arguments.pop("parent_group", None), dag)
        self._sources: dict[str, OutputSource] = {}
        try:
            prepared, written, taken, inherited = self._prepared(
                definition,
                dag,
                parent,
                group_arguments,
                Given(
                    parameters=parameters or {},
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
                default_args,
            )
            group_id = group_id or group_id_of(definition, prepared.pipeline)
            with airflow_refusals(prepared.source or group_id, "the task group"):
                super().__init__(
                    group_id,
                    **{
                        "tooltip": prepared.pipeline.description or "",
                        "doc_md": group_documentation(prepared.pipeline, prepared.source),
                        "group_display_name": prepared.pipeline.display_name or "",
                        "parent_group": parent,
                        "dag": dag,
                        **group_arguments,
                        "default_args": default_args_of(default_args, deferrable=deferrable),
                    },
                )
                self._is_in_dag = True
                self._add_steps(prepared, written, taken, inherited, deferrable)
        except Exception as error:
            broken_id = group_id or id_of_broken(definition, None)
            if on_error == "raise" or broken_id is None:
                raise
            file = source or file_name(definition) or broken_id
            self.error = error if isinstance(error, DefinitionError) else unexpected(file, error)
            log.error("%s", self.error, exc_info=None if self.error is error else error)
            self._become_error(as_group_id(broken_id), parent, dag, file, default_args)

    def _prepared(
        self,
        definition: Source,
        dag: DAG,
        parent: TaskGroup | None,
        group_arguments: Mapping[str, Any],
        given: Given,
        default_args: Mapping[str, Any] | None,
    ) -> tuple[Prepared, GivenParameters, dict[str, ResolveMixin], dict[str, Any]]:
        """The pipeline, what gives the parameters their values, and the default_args of what is around it.

        :raises DefinitionError: with all that is wrong
        """
        if isinstance(dag, SageMakerPipelineDag):
            message = f"the Dag {dag.dag_id} is itself a pipeline: embed both in a Dag of Airflow's"
            raise DefinitionError(given.source or "the task group", [Finding(message, code=CODE)])
        inherited = {**(dag.default_args or {}), **(parent.default_args if parent is not None else {})}
        written, taken = split_parameters(given.parameters)
        values = given_parameters(written)
        own = default_args if isinstance(default_args, Mapping) else {}
        prepared = prepare(
            definition,
            structs.replace(given, parameters={**values.known, **dict.fromkeys(taken)}),
            default_args=default_args_of({**inherited, **own}, deferrable=given.deferrable),
            own_default_args=default_args,
            fail_fast=False,
            findings=[
                *check_group_arguments(group_arguments, dag),
                *around_mapped(parent),
                *inherited_findings(inherited),
            ],
        )
        check_values(prepared.pipeline.parameters, values, taken, dag, prepared.is_secret)
        return prepared, values, taken, inherited

    def _add_steps(
        self,
        prepared: Prepared,
        values: GivenParameters,
        taken: Mapping[str, ResolveMixin],
        inherited: Mapping[str, Any],
        deferrable: bool | None,
    ) -> None:
        dag, place = self.dag, Place(self.dag.dag_id, self.group_id)
        default_args = limited_default_args(place, {**inherited, **self.default_args}, prepared.parallelism)
        key = limit_key(place)
        if key in default_args:
            # The scheduler knows the Dag by its serialized form only.
            dag.default_args[key] = default_args[key]
        neutral = neutral_arguments(inherited)
        tasks = StepTasks(
            dag=dag,
            graph=prepared.plan.graph,
            pipeline=prepared.context(
                place,
                fixed_values(prepared.pipeline.parameters, values.values, prepared.is_secret),
                templates=templates_of(values.templates, dag.user_defined_macros or (), dag.user_defined_filters or ()),
                taken=frozenset(taken),
            ),
            settings=prepared.settings,
            operators=prepared.operators,
            default_args=default_args,
            rejoin=frozenset(prepared.given.rejoin),
            own=own_arguments(prepared.plan, prepared.of_steps),
            group=self,
            taken=taken,
            refused_defaults=neutral if deferrable is None else {**neutral, "deferrable": deferrable},
        ).add()
        refuse_unstorable(prepared.source or str(self.group_id), faults_of_tasks(self.iter_tasks()))
        self.plan = prepared.plan
        for step in prepared.plan.graph.steps:
            check = partial(_check_path, step, prepared.plan)
            self._sources[step.name] = OutputSource(
                step.name, tasks[step.name], prepared.settings, prepared.plan.step_types, check
            )

    def output(self, step: str) -> StepOutput:
        """The result of a step, as an argument of a task outside of the group: ``output("Train")["ModelArtifacts"]``.

        :raises DefinitionError: for a step that the pipeline does not have, or that has no single result
        """
        source = self._sources.get(step)
        if source is not None:
            return StepOutput(source)
        if self.error is not None:
            # Its task fails, and what is given its output does not run.
            return StepOutput(self._sources[""])
        loop = None if self.plan is None else self.plan.graph.loop_of.get(step)
        message = f"output names the step {step!r}, which the pipeline does not have."
        if loop is not None:
            message = (
                f"output names {step!r}, which runs for each item of {loop!r}: the results are in output({loop!r})."
            )
        finding = Finding(message, suggestion=nearest(step, self._sources) if loop is None else loop, code=CODE)
        raise DefinitionError(f"the task group {self.group_id}", [finding])

    def __enter__(self) -> TaskGroup:
        """:raises TypeError: the group has the pipeline's tasks, and its last one stands for all of them"""
        raise TypeError(
            f"the task group {self.group_id} holds a pipeline, and no other tasks: let them come before or after it,"
            " and put all of them into a TaskGroup where they belong together"
        )

    def _become_error(self, group_id: str, parent: TaskGroup | None, dag: DAG, file: str, default_args: object) -> None:
        """Make the group one of a single task, which fails with what is wrong."""
        assert self.error is not None
        if self._is_in_dag:
            empty(self)
        else:
            super().__init__(group_id, parent_group=parent, dag=dag)
        self.default_args = {**(parent.default_args if parent is not None else {}), **accepted_of_task(default_args)}
        task = add_error_task(self, dag, file, self.error)
        self._sources = {"": OutputSource("", task)}


def _around(parent: TaskGroup | None, dag: DAG | None) -> tuple[TaskGroup | None, DAG]:
    """The task group that a new one stands in, and the Dag, as Airflow finds them for its own."""
    dag = dag or (None if parent is None else parent.dag) or DagContext.get_current()
    if dag is None:
        raise TypeError("SageMakerPipelineTaskGroup is a part of a Dag: make it in the Dag's `with`, or pass dag=")
    return parent or TaskGroupContext.get_current(dag), dag


def _check_path(step: Step, planned: Plan, path: PropertyPath) -> None:
    """:raises DefinitionError: for a path that leads nowhere in the result of a step"""
    if step.for_each is not None and len(path) == 1:
        # A definition reads the element of a list, and a task takes the list.
        return
    found = misfit_in_words(step, path, planned.step_types)
    if found is not None:
        problem, meant = found
        finding = Finding(f"output: {problem}", step.path, step.name, suggestion=meant, code="unknown-property")
        raise DefinitionError("output", [finding])
