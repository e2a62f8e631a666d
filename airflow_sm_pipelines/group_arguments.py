"""What a pipeline's task group is given: what counts, why the rest is refused, and which values only a run knows."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, TaskGroup
from airflow.sdk.definitions._internal.mixins import ResolveMixin
from airflow.sdk.definitions._internal.templater import LiteralValue
from airflow.sdk.definitions.taskgroup import MappedTaskGroup

from airflow_sm_pipelines.arguments import REFUSED_OF_TASKS, names_of, reason_by_beginning
from airflow_sm_pipelines.default_args import VALUE_CHECKS
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.definition.parameters import RESERVED
from airflow_sm_pipelines.naming import dag_id_of, safe_dag_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.model import Pipeline

CODE = "group-argument"
MAX_GROUP_ID_LENGTH = 200
REFUSED: Mapping[str, str] = MappingProxyType(
    {
        "dag_id": "say group_id",
        "params": "give the pipeline's parameters their values with parameters=. The Dag's own Params stay the Dag's;"
        " one gives a parameter its value by parameters={'Name': dag.param('name')}",
        "fail_fast": "it is the Dag's, and Airflow refuses it where a task has another trigger rule than all_success,"
        " which the last task of the group needs",
        "prefix_group_id": "the ids of its tasks say whose they are",
        **dict.fromkeys(RESERVED, "a selection of steps is for a Dag that is a pipeline; clear the steps of a group"),
    }
)
"""The arguments that a task group of a pipeline does not take, with the reason."""


def check_group_arguments(given: Mapping[str, Any], dag: DAG) -> Iterator[Finding]:
    """A finding for each argument that the task group does not take, and for a Dag that it cannot be part of."""
    if dag.fail_fast:
        yield Finding(f"the Dag {dag.dag_id} is fail_fast: {REFUSED['fail_fast']}", code=CODE)
    known = set(inspect.signature(TaskGroup.__init__).parameters) - {"self"}
    for name, value in given.items():
        if name == "prefix_group_id" and value is True:
            continue
        if (reason := REFUSED.get(name)) is not None:
            yield Finding(f"{name} is no argument of a pipeline's task group: {reason}", code=CODE)
        elif name in known:
            continue
        elif name in names_of(BaseOperator):
            message = f"{name} is no argument of a task group but of tasks: give it in default_args"
            yield Finding(message, code=CODE)
        elif name in names_of(DAG):
            yield Finding(f"{name} is no argument of a task group but of its Dag", code=CODE)
        else:
            names = sorted((known | names_of(_own_class())) - REFUSED.keys())
            message = f"{name} is no argument of a pipeline's task group"
            yield Finding(message, suggestion=nearest(name, names), code=CODE)


def _own_class() -> type:
    from airflow_sm_pipelines.task_group import SageMakerPipelineTaskGroup

    return SageMakerPipelineTaskGroup


def group_id_of(definition: Source, pipeline: Pipeline) -> str:
    """The id of a group that was given none.

    :raises DefinitionError: for a definition without a name
    """
    return as_group_id(dag_id_of(definition, pipeline.name or pipeline.logical_id))


def as_group_id(name: str) -> str:
    """A name as the id of a task group, which has no dot: that is what stands between groups and tasks."""
    return safe_dag_id(name).replace(".", "-")[:MAX_GROUP_ID_LENGTH]


def split_parameters(given: object) -> tuple[dict[str, Any], dict[str, ResolveMixin]]:
    """The values and templates that the pipeline is given, and what other tasks and the Dag's Params give it."""
    if given is not None and not isinstance(given, Mapping):
        message = f"parameters is {given!r}, and not a mapping from the pipeline's parameters to values"
        raise DefinitionError("parameters", [Finding(message, code=CODE)])
    fixed: dict[str, Any] = {}
    taken: dict[str, ResolveMixin] = {}
    for name, value in given.items() if given is not None else ():
        if isinstance(value, ResolveMixin) and not isinstance(value, LiteralValue):
            taken[name] = value
        elif isinstance(value, BaseOperator):
            # A task where its output is meant.
            taken[name] = value.output
        else:
            fixed[name] = value
    return fixed, taken


def inherited_findings(given: Mapping[str, Any]) -> Iterator[Finding]:
    """What the default_args of the Dag say that no step takes: they are for its other tasks, so they are left out.

    An error for one that would count, and has a value that cannot.
    """
    for name, value in given.items():
        if name in VALUE_CHECKS and (wrong := VALUE_CHECKS[name](value)) is not None:
            yield Finding(f"the Dag's default_args: {name} is {value!r}, {wrong}", code="default-args")
        elif (reason := REFUSED_OF_TASKS.get(name) or reason_by_beginning(name)) is not None:
            yield Finding(
                f"the Dag's default_args: {name} has no effect on the steps: {reason}",
                severity=Severity.WARNING,
                code="default-args",
            )


def neutral_arguments(inherited: Mapping[str, Any]) -> dict[str, Any]:
    """Airflow's own defaults for those of the Dag's default_args that no step takes, and Airflow would give it."""
    known = inspect.signature(BaseOperator.__init__).parameters
    return {
        name: known[name].default
        for name in inherited
        if (name in REFUSED_OF_TASKS or reason_by_beginning(name) is not None)
        and name in known
        and known[name].default is not inspect.Parameter.empty
    }


def around_mapped(group: TaskGroup | None) -> Iterator[Finding]:
    """A finding for a pipeline inside a task group that is mapped, at any depth."""
    while group is not None:
        if isinstance(group, MappedTaskGroup):
            message = (
                f"the task group {group.group_id} around it is mapped: the steps of a pipeline would run once for each"
                " item, and its last task knows of one run only. Use a ForEach step in the definition, or make a group"
                " for each item in a loop of the Dag file"
            )
            yield Finding(message, code=CODE)
        group = group.task_group
