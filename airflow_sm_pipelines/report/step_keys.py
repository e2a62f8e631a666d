"""What became of the keys of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.step_types import cannot_be_run
from airflow_sm_pipelines.expressions.identity import LONG_NAME_LIMIT
from airflow_sm_pipelines.report.caching import cache_item
from airflow_sm_pipelines.report.document_keys import unknown_key_items
from airflow_sm_pipelines.report.model import Item, Status
from airflow_sm_pipelines.report.readable import located_leaves, readable, written
from airflow_sm_pipelines.report.retries import retries_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.definition.model import Pipeline, Step
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.step_types.step_type import StepType

GENERATED_NAME = "pipelines-<execution id>-<step>-<token>"
SHORT_NAME = "<token>-<step>"


def step_items(step: Step, plan: Plan, loop: str | None, unknown_keys: Iterable[Finding]) -> Iterator[Item]:
    """Every key of a step, and what holds in place of those that are absent; ``loop`` is the ForEach around it."""
    known = plan.type_of(step)
    yield Item(f"{step.path}.Name", Status.HANDLED, _about_task(step, plan.graph.task_of(step.name), loop))
    yield _type_item(step, known)
    if step.display_name is not None:
        yield Item(f"{step.path}.DisplayName", Status.HANDLED, "the task's display name")
    if step.description is not None:
        yield Item(f"{step.path}.Description", Status.HANDLED, "the task's documentation")
    if step.depends_on:
        yield Item(f"{step.path}.DependsOn", Status.HANDLED, f"waits for {', '.join(map(str, step.depends_on))}")
    yield from _argument_items(step, known, plan.pipeline)
    for key in step.settings:
        yield Item(f"{step.path}.{key}", _status(known), readable(step.settings[key]))
    yield from _retry_items(step, known)
    if step.cache is not None:
        yield cache_item(step, step.cache, known)
    for index, file in enumerate(step.property_files):
        text = f"{file.name}: {file.file_path} of the output {file.output_name}"
        yield Item(f"{step.path}.PropertyFiles[{index}]", Status.HANDLED, text)
    yield from unknown_key_items(unknown_keys)


def _about_task(step: Step, task_id: str, loop: str | None) -> str:
    if step.for_each is not None:
        return f"the task group is {step.name}, and its result is the task {task_id}"
    return f"the task id is {task_id}{'' if loop is None else f', mapped over the items of {loop}'}"


def _status(known: StepType | None) -> Status:
    return Status.HANDLED if known is not None and known.operator_path is not None else Status.UNSUPPORTED


def _type_item(step: Step, known: StepType | None) -> Item:
    if known is not None and known.operator_path is not None:
        return Item(f"{step.path}.Type", Status.HANDLED, f"{step.type} is run by {known.operator_path}")
    text = f"its task fails when it is reached: {cannot_be_run(step.type)}"
    return Item(f"{step.path}.Type", Status.UNSUPPORTED, text)


def _argument_items(step: Step, known: StepType | None, pipeline: Pipeline) -> Iterator[Item]:
    path = f"{step.path}.Arguments"
    yield Item(path, _status(known), _about_arguments(step, known))
    if known is None or known.kind is None:
        return
    name, role = known.kind.name_field, known.kind.role_field
    if step.arguments.get(name) is not None:
        text = _about_name(known)
        yield Item(f"{path}.{name}", Status.HANDLED, text)
    elif known.model_package is not None and step.arguments.get(known.model_package.group) is not None:
        yield Item(f"{path}.{name}", Status.DEFAULTED, "none: the package is a version of its group")
    else:
        generated = SHORT_NAME if known.kind.name_limit < LONG_NAME_LIMIT else GENERATED_NAME
        yield Item(f"{path}.{name}", Status.DEFAULTED, f"generated: {generated}")
    if role is not None and step.arguments.get(role) is None:
        own = f"the pipeline's, {pipeline.role_arn}"
        other = "role_arn of the Dag or of [sagemaker_pipelines], where one is set"
        yield Item(f"{path}.{role}", Status.DEFAULTED, other if pipeline.role_arn is None else own)
    for place, value in located_leaves(step.arguments):
        if value is None:
            yield Item(f"{path}.{written(place)}", Status.IGNORED, "null: it is left out of the request")


def _about_name(known: StepType) -> str:
    if known.made_unique:
        return "made unique: <name>-<execution id>"
    return "the name as it is" if known.user_named else "a prefix of the generated name"


def _about_arguments(step: Step, known: StepType | None) -> str:
    if step.branches is not None:
        count = len(step.branches.conditions)
        inside = f"{len(step.branches.if_steps)} If and {len(step.branches.else_steps)} Else steps"
        return f"{count} condition{'s' if count != 1 else ''}, {inside}"
    if step.for_each is not None:
        return f"{', '.join(body.name for body in step.for_each.body)} for each of {readable(step.for_each.items)}"
    if known is not None and known.arguments is not None:
        return f"the request of {known.arguments.service}:{known.arguments.operation}"
    return ", ".join(step.arguments) or "empty"


def _retry_items(step: Step, known: StepType | None) -> Iterator[Item]:
    for retry in retries_of(step, known):
        if retry.path is None:
            path = f"{step.path}.RetryPolicies"
            yield Item(path, Status.DEFAULTED, str(retry))
        else:
            yield Item(retry.path, Status.HANDLED, str(retry))
