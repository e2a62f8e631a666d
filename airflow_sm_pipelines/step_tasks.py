"""The steps of a pipeline as Airflow tasks, in a Dag of their own or in a task group of some Dag."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule
from msgspec import Struct

from airflow_sm_pipelines.cache.key import may_cache
from airflow_sm_pipelines.cache.store import cache_asset
from airflow_sm_pipelines.default_args import lost_try_delay
from airflow_sm_pipelines.definition.frozen import FrozenDict
from airflow_sm_pipelines.given_steps import settings_for
from airflow_sm_pipelines.graph.ends import last_to_end
from airflow_sm_pipelines.graph.reduction import drawn_edges
from airflow_sm_pipelines.jobs.retry import StepRetries
from airflow_sm_pipelines.operators.assets import outlets_of
from airflow_sm_pipelines.operators.beside_steps import RETRY_DELAY
from airflow_sm_pipelines.operators.for_each_group import add_for_each, connect
from airflow_sm_pipelines.operators.outcome_task import add_outcome
from airflow_sm_pipelines.pools import pool_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import DAG, BaseOperator, TaskGroup
    from airflow.sdk.definitions._internal.mixins import ResolveMixin

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.expressions.pipeline import PipelineContext
    from airflow_sm_pipelines.graph import Graph
    from airflow_sm_pipelines.operators.step import StepOperator
    from airflow_sm_pipelines.place import Place
    from airflow_sm_pipelines.settings import Settings


class StepTasks(Struct, frozen=True, dict=True):
    """What the tasks of a pipeline are made of.

    ``default_args`` are those that hold for them, with the limit of the pipeline. ``own`` are the arguments that single
    steps are given, by their names. ``group`` is the task group that they stand in, None where the Dag is the
    pipeline's, ``taken`` are the values of parameters that come from other tasks, and ``refused_defaults`` are
    arguments of tasks that a Dag of the user's gives all its tasks, and no step takes.
    """

    dag: DAG
    graph: Graph
    pipeline: PipelineContext
    settings: Settings
    operators: Mapping[str, type[StepOperator]]
    default_args: Mapping[str, Any]
    rejoin: frozenset[str] = frozenset()
    own: Mapping[str, Mapping[str, Any]] = FrozenDict()
    group: TaskGroup | None = None
    taken: Mapping[str, ResolveMixin] = FrozenDict()
    refused_defaults: Mapping[str, Any] = FrozenDict()

    @property
    def place(self) -> Place:
        return self.pipeline.place

    def add(self) -> Mapping[str, BaseOperator]:
        """Make the tasks, and let each wait for those that it needs; returns the one with the result of each step."""
        tasks, graph = {}, self.graph
        of_pool = pool_arguments(self.place, graph, self.default_args)
        for step in graph.steps:
            arguments = {**of_pool[step.name], **self.arguments_of(step)}
            if step.for_each is None:
                task = self.operators[step.type](**arguments)
                tasks[step.name] = (task, task)
                continue
            body = graph.bodies[step.name]
            inside = [
                (self.operators[inner.type], {**of_pool[step.name], **self.arguments_of(inner)}) for inner in body.steps
            ]
            tasks[step.name] = add_for_each(self.dag, self.group, step, arguments, body, inside)
        for edge in drawn_edges(graph, self.rejoin):
            upstream, downstream = tasks[edge.upstream][1], tasks[edge.downstream][0]
            connect(upstream, downstream)
            if edge.label is not None:
                self.dag.set_edge_info(upstream.task_id, downstream.task_id, {"label": edge.label})
        if self.pipeline.renders_first:
            # The task renders: no other Dag needs Jinja.
            from airflow_sm_pipelines.operators.parameters_task import add_parameters

            first = [first for name, (first, _) in tasks.items() if not graph.upstream[name]]
            add_parameters(
                self.dag,
                self.group,
                self.pipeline,
                self.settings,
                first,
                taken=self.taken,
                retry_delay=self._retry_delay,
                neutral=self._neutral,
            )
        if self.group is not None or graph.conditional:
            add_outcome(
                self.dag,
                graph,
                self.place,
                self.settings,
                [tasks[name][1] for name in last_to_end(graph, self.rejoin)],
                group=self.group,
                retry_delay=self._retry_delay,
                neutral=self._neutral,
            )
        return {name: last for name, (_, last) in tasks.items()}

    @property
    def _neutral(self) -> dict[str, Any]:
        # Only a step can be deferrable.
        return {name: value for name, value in self.refused_defaults.items() if name != "deferrable"}

    @property
    def _retry_delay(self) -> Any:
        return self.default_args.get("retry_delay") or RETRY_DELAY

    @cached_property
    def shared_arguments(self) -> dict[str, Any]:
        """The arguments that all operators of the pipeline have in common."""
        in_group = {} if self.group is None else {**self.refused_defaults, "task_group": self.group}
        return {
            "dag": self.dag,
            **in_group,
            "pipeline": self.pipeline,
            "settings": self.settings,
            "aws_conn_id": self.settings.aws_conn_id,
            "region_name": self.settings.region_name,
            "botocore_config": self._botocore_config(self.default_args),
            "retry_delay": lost_try_delay(self.default_args),
        }

    def _botocore_config(self, given: Mapping[str, Any]) -> dict[str, Any]:
        retries = {"mode": self.settings.aws_retry_mode, "total_max_attempts": self.settings.aws_max_attempts}
        return {"retries": retries, **(given.get("botocore_config") or {})}

    def _own_arguments(self, own: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
        """The arguments that a step is given, and what follows from them."""
        given = {**self.default_args, **own}
        return {
            **own,
            "settings": settings,
            "botocore_config": self._botocore_config(given),
            "retry_delay": lost_try_delay(given),
        }

    def arguments_of(self, step: Step) -> dict[str, Any]:
        """The arguments of one step's operator, but for the pool that a limited pipeline has."""
        own = self.own.get(step.name, FrozenDict())
        graph, settings, given = (
            self.graph,
            settings_for(self.settings, own),
            {**self.default_args, **own} if own else self.default_args,
        )
        operator, step_type = self.operators[step.type], self.pipeline.step_types.get(step.type)
        pause = lost_try_delay(given) if own else self.shared_arguments["retry_delay"]
        policies = step.retry_policies or ()
        if policies and step_type is not None:
            policies = step_type.retries.honoured(policies)
        retries = StepRetries.of_step(policies, settings.max_lost_tries, pause.total_seconds())
        arguments: dict[str, Any] = {
            **self.shared_arguments,
            **(self._own_arguments(own, settings) if own else {}),
            "task_id": step.name,
            "task_display_name": step.display_name or step.name,
            "step": step,
            "retry_policy": retries,
            "retries": retries.upper_bound,
            **operator.arguments_of(step, graph),
        }
        if outlets := outlets_of(self.place, step, step_type, settings):
            arguments["outlets"] = [*(given.get("outlets") or ()), *outlets]
        if may_cache(step_type, step, settings):
            # An inlet lets the task at the asset's state, and makes no events.
            arguments["inlets"] = [*(given.get("inlets") or ()), cache_asset(self.place)]
        if step.name in graph.conditional:
            # The task itself judges, once all that it waits for has ended.
            arguments["trigger_rule"] = TriggerRule.ALL_DONE
            if step.name in self.rejoin:
                arguments["any_branch"] = True
        elif step.name in self.rejoin:
            arguments["trigger_rule"] = TriggerRule.NONE_FAILED_MIN_ONE_SUCCESS
        return arguments
