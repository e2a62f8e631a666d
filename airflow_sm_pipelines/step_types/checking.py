"""Whether a step type that a user registers can be used."""

from __future__ import annotations

from typing import Any

from airflow_sm_pipelines.step_types.step_type import StepType


class StepTypeError(ValueError):
    """A step type cannot be registered; the message says why, and what to do."""


def check_step_type(step_type: Any) -> None:
    """Refuse what is no step type, or one that nothing can run.

    The operator's module is not imported: it imports Airflow, which ``lint`` does without.

    :raises StepTypeError: with what is wrong
    """
    if not isinstance(step_type, StepType):
        raise StepTypeError(f"a StepType is expected, found {type(step_type).__name__}")
    if not step_type.name:
        raise StepTypeError("a step type has no name: it is the Type of its steps in a definition")
    if step_type.operator_path is None:
        raise StepTypeError(
            f"the step type {step_type.name!r} has no operator: give the kind of the job that it runs (a JobKind, and a"
            " JobAdapter where that does not say it all), or a subclass of"
            " airflow_sm_pipelines.operators.step.StepOperator, or its dotted path"
        )
    path = step_type.operator
    if isinstance(path, str) and ("." not in path or not all(part.isidentifier() for part in path.split("."))):
        raise StepTypeError(
            f"the operator of the step type {step_type.name!r} is named by its module and class, like"
            f" 'acme.steps.GlueJobStepOperator', found {path!r}"
        )
