"""What Airflow's users give a Dag and its tasks: what counts for a pipeline's Dag, and why the rest is refused.

An argument that Airflow's DAG or BaseOperator takes is in one of the tables here, or is handed on to Airflow as it is.
tests/test_arguments.py asks Airflow's signatures, so that an argument of a later version is looked at by somebody.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException
from msgspec.structs import replace

from airflow_sm_pipelines.default_args import VALUE_CHECKS
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.definition.guessing import nearest
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.pools import effective_limit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_sm_pipelines.graph import Plan

CODE_OF_DAG, CODE_OF_TASKS = "dag-argument", "default-args"
# As near as a slip of the pen: a set of default_args that several Dags share may have arguments of other operators.
SLIP = 0.8

_BY_THE_DEFINITION = "it is what the definition says of the step"
_WAITING = (
    "a step is waited for as SageMaker Pipelines waits: [sagemaker_pipelines] poll_interval says how often it is looked"
    " at, deferrable where, and execution_timeout bounds it"
)
_STOPPING = "a job is stopped when its task is killed, and left alone when only the worker goes"
_RETRYING = (
    "a failure of a step is retried by its RetryPolicies; retries and retry_delay are of tries whose worker died"
)

REFUSED_OF_TASKS: Mapping[str, str] = MappingProxyType(
    {
        "dag": "a step's task is in the Dag of its pipeline",
        "default_args": "there are no default_args within default_args",
        "do_xcom_push": "later steps read a step's result from its XCom",
        "doc_md": "a step's documentation is its Description in the definition",
        "map_index_template": "the children of a ForEach step are named after its body",
        "max_retry_delay": _RETRYING,
        "multiple_outputs": "later steps read a step's result from one XCom",
        "params": "give them to the Dag: params=",
        "pipeline": _BY_THE_DEFINITION,
        "region": "say region_name",
        "request": _BY_THE_DEFINITION,
        "retry_exponential_backoff": _RETRYING,
        "retry_policy": _RETRYING,
        "settings": "they are those of [sagemaker_pipelines] and of the Dag's arguments",
        "sla": "Airflow has no SLAs any more; a Dag takes a deadline",
        "step": _BY_THE_DEFINITION,
        "iteration": _BY_THE_DEFINITION,
        "task_display_name": "a step's display name is its DisplayName in the definition",
        "task_group": "the steps stand in the root group of their Dag",
        "task_id": "a step's task is called as the step",
        "trigger_rule": "it would run steps whose needs have failed. Name the steps for which any one taken branch is"
        " enough in the Dag's rejoin, or give a step a Trigger in its DependsOn",
    }
)
"""The arguments of operators that no default_args can give a step's task, with the reason."""

REFUSED_BY_BEGINNING: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "wait_for_",
                "check_interval",
                "max_ingestion_time",
                "poll",
                "poke_interval",
                "waiter_",
                "max_polling",
                "max_attempts",
                "print_log",
                "start_from_trigger",
                "start_trigger",
            ),
            _WAITING,
        ),
        "on_kill": _STOPPING,
        "stop_": _STOPPING,
    }
)
"""What an argument's name begins with that some operator of Airflow or a provider has, and no step's task."""

REFUSED_OF_DAG: Mapping[str, str] = MappingProxyType(
    {
        "sla_miss_callback": "Airflow has no SLAs any more; give it a deadline",
        "task_group": "the steps stand in the root group, which Airflow makes",
    }
)
"""The arguments of Airflow's DAG that a pipeline's Dag does not take, with the reason."""


def check_dag_arguments(given: Iterable[str]) -> Iterator[Finding]:
    """A finding for each argument that neither Airflow's DAG nor a pipeline's takes."""
    for name in given:
        if (reason := REFUSED_OF_DAG.get(name)) is not None:
            yield _refused(f"{name} is no argument of a pipeline's Dag: {reason}", CODE_OF_DAG)
        elif name not in names_of(DAG):
            yield _unknown_to_dag(name)


def check_default_args(
    given: object, operators: Iterable[type[StepOperator]], *, what: str = "default_args"
) -> Iterator[Finding]:
    """A finding for each of the default_args that does not count: an error, or a warning where it may be of others.

    ``operators`` are those of the pipeline's steps; one of a user's own may take arguments of its own. ``what`` is what
    findings call the mapping.
    """
    classes = tuple(operators)
    if given is not None and not isinstance(given, Mapping):
        yield _refused(f"{what} is {given!r}, and not a mapping from arguments to values", CODE_OF_TASKS)
    for name, value in given.items() if isinstance(given, Mapping) else ():
        if not isinstance(name, str):
            yield _refused(f"{what} has the key {name!r}, and not the name of an argument", CODE_OF_TASKS)
            continue
        reason = REFUSED_OF_TASKS.get(name)
        if reason is None and name in VALUE_CHECKS:
            if (wrong := VALUE_CHECKS[name](value)) is not None:
                yield _of(name, _refused(f"{what}: {name} is {value!r}, {wrong}", CODE_OF_TASKS))
        elif reason is not None or not _is_taken(name, classes):
            yield _of(name, _not_taken(what, name, reason or reason_by_beginning(name), classes))


@contextmanager
def airflow_refusals(
    source: str, what: str = "the arguments of the Dag", *, only_where: bool = True, given: tuple[str, ...] = ()
) -> Iterator[None]:
    """What Airflow refuses of a Dag's arguments, as a finding; ``only_where`` there are any. ``given`` is which one.

    :raises DefinitionError: in the place of Airflow's own exception
    """
    try:
        yield
    except (AirflowException, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        if not only_where or isinstance(error, DefinitionError):
            raise
        message = f"Airflow refuses {what}: {type(error).__name__}: {error}"
        raise DefinitionError(source, [Finding(message, code=CODE_OF_DAG, given=given).bounded()]) from error


def with_warnings_of(planned: Plan, source: str | None, findings: Sequence[Finding]) -> Plan:
    """The plan of a definition with the warnings of the Dag's arguments.

    :raises DefinitionError: for their errors
    """
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise DefinitionError(source or "the arguments of the Dag", findings)
    if not findings:
        return planned
    return replace(planned, pipeline=replace(planned.pipeline, warnings=(*planned.pipeline.warnings, *findings)))


def check_parallelism(given: object) -> Iterator[Finding]:
    """A finding for what is no limit of steps."""
    try:
        effective_limit(given)
    except ValueError as error:
        yield _refused(str(error), CODE_OF_DAG)


def check_cache(given: object) -> Iterator[Finding]:
    """A finding for what is neither on nor off."""
    if given is not None and not isinstance(given, bool):
        yield replace(_refused(f"cache is {given!r}, and neither True nor False", CODE_OF_DAG), given=("cache",))


def check_fail_fast(planned: Plan, fail_fast: object, rejoin: Sequence[str]) -> Iterator[Finding]:
    """A finding for each step that Airflow does not let into a Dag that is ``fail_fast``."""
    for step in planned.graph.steps if fail_fast else ():
        if step.for_each is not None:
            reason = "a ForEach step ends after the last of its iterations, whatever came of them"
        elif step.name in planned.graph.conditional:
            reason = "it judges by the run conditions of DependsOn what it waits for"
        elif step.name in rejoin:
            reason = "rejoin names it, so that any one branch is enough"
        else:
            continue
        yield Finding(
            "Airflow refuses fail_fast where a task has another trigger rule than all_success, which"
            f" {step.name} needs: {reason}",
            step.path,
            step.name,
            code=CODE_OF_DAG,
        )


def check_rejoin(planned: Plan, rejoin: Sequence[str]) -> None:
    """:raises DefinitionError: for steps that the definition does not have"""
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


def _unknown_to_dag(name: str) -> Finding:
    if name in names_of(BaseOperator) - REFUSED_OF_TASKS.keys():
        return _refused(f"{name} is no argument of a Dag but of tasks: give it in default_args", CODE_OF_DAG)
    if (reason := REFUSED_OF_TASKS.get(name) or reason_by_beginning(name)) is not None:
        return _refused(f"{name} is no argument of a pipeline's Dag: {reason}", CODE_OF_DAG)
    known = [*names_of(DAG) - REFUSED_OF_DAG.keys(), *_own_arguments()]
    message = f"{name} is no argument of a pipeline's Dag"
    return Finding(message, suggestion=nearest(name, sorted(known)), code=CODE_OF_DAG)


@cache
def _own_arguments() -> frozenset[str]:
    from airflow_sm_pipelines.dag import SageMakerPipelineDag

    return _names_in(SageMakerPipelineDag)


def reason_by_beginning(name: str) -> str | None:
    """Why an argument whose name begins so has no effect, None where none is known."""
    return next((why for start, why in REFUSED_BY_BEGINNING.items() if name.startswith(start)), None)


def _of(name: str, finding: Finding) -> Finding:
    return replace(finding, given=("default_args", name))


def _not_taken(what: str, name: str, reason: str | None, operators: tuple[type[StepOperator], ...]) -> Finding:
    if reason is not None:
        return _refused(f"{what}: {name} has no effect on a step: {reason}", CODE_OF_TASKS)
    owner = next((base for operator in operators for base in operator.__mro__ if name in _names_in(base)), None)
    if owner is not None:
        why = f"{owner.__name__} would take it, but a step's request is its Arguments in the definition"
        return _refused(f"{what}: {name} has no effect on a step: {why}", CODE_OF_TASKS)
    known = sorted((names_of(BaseOperator) | names_of(StepOperator)) - REFUSED_OF_TASKS.keys())
    if slip := difflib.get_close_matches(name, known, n=1, cutoff=SLIP):
        return Finding(f"{what}: {name} is no argument of a task", suggestion=slip[0], code=CODE_OF_TASKS)
    return Finding(
        f"{what}: {name} has no effect, since no step's task takes it",
        suggestion=nearest(name, known),
        severity=Severity.WARNING,
        code=CODE_OF_TASKS,
    )


def _is_taken(name: str, operators: Iterable[type[StepOperator]]) -> bool:
    """Whether a step's task takes an argument: one of all tasks, one of every step's, or one of a user's operator."""
    if name in names_of(StepOperator):
        return True
    bases = (base for operator in operators for base in operator.__mro__ if issubclass(base, StepOperator))
    return any(name in _names_in(base) for base in bases)


@cache
def names_of(cls: type) -> frozenset[str]:
    """The arguments that the constructors of a class and of its bases name."""
    return frozenset().union(*(_names_in(base) for base in cls.__mro__))


@cache
def _names_in(cls: type) -> frozenset[str]:
    """The arguments that a class's own constructor names."""
    constructor = vars(cls).get("__init__")
    if constructor is None or cls is object:
        return frozenset()
    parameters = inspect.signature(constructor).parameters.values()
    return frozenset(
        each.name
        for each in parameters
        if each.name != "self" and each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    )


def _refused(message: str, code: str) -> Finding:
    return Finding(message, code=code)
