"""``steps`` of a Dag: arguments of the tasks of single steps, by name, glob or ``type:``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from airflow_sm_pipelines.arguments import CODE_OF_TASKS, check_default_args
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.definition.paths import render_path
from airflow_sm_pipelines.pools import LIMIT_KEY
from airflow_sm_pipelines.sidecars.layers import STEPS, Layer, layer_of
from airflow_sm_pipelines.sidecars.steps import check_patterns, matches, settings_of
from airflow_sm_pipelines.step_types import STEP_TYPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.operators.step import StepOperator
    from airflow_sm_pipelines.settings import Settings


def step_layers(given: Mapping[str, Mapping[str, Any]] | tuple[Layer, ...] | None) -> tuple[Layer, ...]:
    """The settings of steps by the places that give them: what the loader has read, or the argument itself.

    :raises DefinitionError: for what is no mapping from steps to arguments
    """
    if given is None:
        return ()
    if isinstance(given, tuple):
        faulty = [layer.values[(STEPS,)] for layer in given if (STEPS,) in layer.values]
    else:
        layer = layer_of("steps", {STEPS: given}, is_shared=False)
        given, faulty = (layer,), [*layer.values.values()]
    if faulty:
        message = f"steps is {faulty[0].value!r}, and not a mapping from steps to the arguments of their tasks"
        raise DefinitionError("the arguments of the Dag", [Finding(message, code=CODE_OF_TASKS).bounded()])
    return given


def check_steps(
    planned: Plan, layers: Sequence[Layer], operators: Mapping[str, type[StepOperator]]
) -> Iterator[Finding]:
    """A finding for each entry that no step has, and for each argument that does not count for its steps' tasks."""
    yield from check_patterns(layers, planned, STEP_TYPES)
    steps = list(planned.pipeline.all_steps)
    for layer in layers:
        for entry in layer.steps:
            classes = {operators[step.type]: None for step in steps if matches(entry.pattern, step)}
            what = f"steps: {entry.pattern}"
            for name, given in entry.values.items():
                for finding in _check(name, given.value, classes, what):
                    path = render_path((((None, STEPS), entry.pattern), name))
                    yield given.origin.of(replace(finding, given=()), path)


def _check(name: str, value: Any, classes: Collection[type[StepOperator]], what: str) -> Iterator[Finding]:
    if name == LIMIT_KEY:
        yield Finding(f"{what}: {name} has no effect on a step: parallelism is the Dag's", code=CODE_OF_TASKS)
        return
    for finding in check_default_args({name: value}, classes, what=what):
        # Of default_args it may be another operator's; what is given a step is for that step.
        yield replace(finding, severity=Severity.ERROR)


def own_arguments(planned: Plan, layers: Sequence[Layer]) -> dict[str, dict[str, Any]]:
    """The arguments that the steps are given beside those of all, by the steps' names."""
    if not any(layer.steps for layer in layers):
        return {}
    found = {step.name: settings_of(step, layers) for step in planned.pipeline.all_steps}
    return {name: {key: each.value for key, each in given.items()} for name, given in found.items() if given}


def settings_for(settings: Settings, own: Mapping[str, Any]) -> Settings:
    """The settings of a step with own arguments."""
    lost = own.get("retries")
    return settings if lost is None or lost == settings.max_lost_tries else replace(settings, max_lost_tries=lost)
