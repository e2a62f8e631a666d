"""The page of all step types, from their records: ``python -m airflow_sm_pipelines.report.step_type_table``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from airflow_sm_pipelines.jobs.retry_decision import DEFAULT_INTERVAL_SECONDS, DEFAULT_MAX_ATTEMPTS
from airflow_sm_pipelines.report.caching import ALL_ARGUMENTS, key_in_words
from airflow_sm_pipelines.report.iam_actions import PASSING, READING, actions_of, passes_roles
from airflow_sm_pipelines.report.retries import ALWAYS_RETRIED
from airflow_sm_pipelines.step_types import STEP_TYPES
from airflow_sm_pipelines.step_types.console_locations import LOG_CALLS
from airflow_sm_pipelines.step_types.job_kind import ONE_DAY
from airflow_sm_pipelines.step_types.step_type import RetryTypes

if TYPE_CHECKING:
    from airflow_sm_pipelines.step_types.job_kind import JobKind
    from airflow_sm_pipelines.step_types.step_type import ApiShape, StepType

HEAD = f"""# Step types

Made by `python -m airflow_sm_pipelines.report.step_type_table > docs/step-type-table.md`. What a type does where AWS is
silent: [step-types.md](step-types.md).

- **Operator**: of `airflow_sm_pipelines.operators`, and in brackets what its task is an instance of, for listeners.
- **AWS calls**: those that a step of the type may make.
- **IAM actions**: what these calls need, with those for tags, an experiment, the job's log and the role that is
  passed. A step of any type that reads a file (`Std:JsonGet`) needs {" and ".join(READING)} besides.
  `sm-pipelines iam FILE` prints the policy of one definition, with what its steps do need.
- **Properties**: what `Steps.<name>.…` refers to: the response of a call, and names.
- **RetryPolicies**: the exception types that a step's own policies can name. With or without policies, a step of any
  type is retried for {" and ".join(ALWAYS_RETRIED)} {DEFAULT_MAX_ATTEMPTS} times, from
  {DEFAULT_INTERVAL_SECONDS} s on (the service's default), unless a policy of its own names them. Where it says none,
  a policy holds here all the same, and is warned of: SageMaker honours none on such steps.
- **Cache**: what must be equal for an earlier result to be reused.
- **Limits**: of the generated or given name, of time (AWS ends what takes longer), and others. Tags are 50 at most.

| step type | operator | AWS calls | IAM actions | properties | RetryPolicies | cache | limits |
|---|---|---|---|---|---|---|---|"""


def table() -> Iterator[str]:
    """The lines of the page."""
    yield HEAD
    yield from map(row, STEP_TYPES.built_in)


def row(step_type: StepType) -> str:
    """One step type as a row of the table."""
    cells = (
        step_type.name,
        _operator(step_type),
        _codes(step_type.every_call),
        _codes(_actions(step_type)),
        _codes(_properties(step_type)),
        _retries(step_type),
        _cache(step_type),
        "<br>".join(_limits(step_type)),
    )
    return f"| {' | '.join(cells)} |"


def _operator(step_type: StepType) -> str:
    operator, instance = ((path or "").rpartition(".")[2] for path in (step_type.operator_path, step_type.instance_of))
    return f"`{operator}`<br>(`{instance}`)"


def _actions(step_type: StepType) -> tuple[str, ...]:
    """Every action that some step of the type needs."""
    actions = actions_of(step_type, step_type.every_call, tagged=True, experiment=True)
    logs = tuple(call for call in LOG_CALLS if call in step_type.every_call)
    return (*actions, *logs, *((PASSING,) if passes_roles(step_type) else ()))


def _properties(step_type: StepType) -> tuple[str, ...]:
    shapes = (step_type.properties, *(variant.properties for variant in step_type.variants))
    return (*(_shape(shape) for shape in shapes if shape is not None), *step_type.extra_properties)


def _shape(shape: ApiShape) -> str:
    return f"{shape.operation}{f'.{shape.member}' if shape.member else ''}"


def _retries(step_type: StepType) -> str:
    return "none: only the default" if step_type.retries is RetryTypes.NONE else step_type.retries.value


def _cache(step_type: StepType) -> str:
    if not step_type.cached:
        return "no"
    return "<br>".join(f"`{name}`" if name != ALL_ARGUMENTS else name for name in key_in_words(step_type))


def _limits(step_type: StepType) -> Iterator[str]:
    if (kind := step_type.kind) is not None:
        yield f"name of {kind.name_limit} characters"
        for known in (kind, *(variant.kind for variant in step_type.variants)):
            yield from _time_limits(known)
    yield from step_type.limits


def _time_limits(kind: JobKind) -> Iterator[str]:
    default = ""
    if kind.default_limit is not None:
        days = kind.default_limit / ONE_DAY
        default = f", else {days:g} {'day' if days == 1 else 'days'}"
    yield from (f"`{field}`{default}" for field in kind.limit_fields)


def _codes(names: Iterable[str]) -> str:
    return "<br>".join(f"`{name}`" for name in dict.fromkeys(names))


if __name__ == "__main__":
    print("\n".join(table()))
