"""From step types to the operators that run them; an operator is imported when a definition first needs it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.operators.step import StepOperator

if TYPE_CHECKING:
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.step_types.step_type import StepType

UNSUPPORTED = "airflow_sm_pipelines.operators.unsupported.UnsupportedStepOperator"


class OperatorError(Exception):
    """A step type's operator cannot be had; the message says why."""


def operator_of(step_type: StepType | None) -> type[StepOperator]:
    """The operator of a step type; one that names none is run as its kind of job. A type that nothing can run, or that
    is not known, fails when it is reached.

    :raises OperatorError: where there is no such operator
    """
    operator: Any = (step_type and (step_type.operator or step_type.operator_path)) or UNSUPPORTED
    if isinstance(operator, str):
        try:
            operator = imported(operator)
        except (Exception, SystemExit) as error:
            raise OperatorError(f"{operator} cannot be imported ({type(error).__name__}: {error})") from error
    if not (isinstance(operator, type) and issubclass(operator, StepOperator)):
        raise OperatorError(f"{operator!r} is no subclass of {StepOperator.__module__}.{StepOperator.__qualname__}")
    return operator


def operators_of(planned: Plan, source: str | None) -> dict[str, type[StepOperator]]:
    """The operators of all step types of a pipeline, by name; ``source`` is what findings call the definition.

    :raises DefinitionError: with a finding for each type whose operator cannot be had
    """
    operators: dict[str, type[StepOperator]] = {}
    findings = []
    for step in planned.pipeline.all_steps:
        if step.type in operators:
            continue
        try:
            operators[step.type] = operator_of(planned.step_types.get(step.type))
        except OperatorError as error:
            operators[step.type] = StepOperator
            message = f"the operator of the step type {step.type!r} cannot be had: {error}"
            findings.append(Finding(message, f"{step.path}.Type", step.name, code="operator-not-found"))
    if findings:
        raise DefinitionError(source or "the definition", findings)
    return operators


def imported(path: str) -> object:
    """What a dotted path names. It may be a user's own code: whatever its module raises is raised."""
    module, _, name = path.rpartition(".")
    found: object = getattr(import_module(module), name)
    return found
