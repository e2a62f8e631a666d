"""What a definition is given as: where it is, what it is called, and the dag id of one that is broken."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, Severity
from airflow_sm_pipelines.discovery import definitions_in
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.settings import HandledFailures
from airflow_sm_pipelines.sidecars.names import SUFFIX
from airflow_sm_pipelines.sidecars.replacements import ReplaceError, replacements_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_sm_pipelines.definition.document import Source
    from airflow_sm_pipelines.definition.replacing import Replacement


def located(definition: Source, caller: str) -> Source:
    """A text that is no JSON as the path that it is; a relative path is looked for beside the calling file."""
    if isinstance(definition, str) and not definition.lstrip("\ufeff \t\r\n").startswith(("{", "[", '"')):
        definition = Path(definition)
    if isinstance(definition, Path) and not definition.is_absolute():
        beside = Path(caller).parent / definition
        return beside if beside.exists() else definition
    return definition


def check_beside(definition: Source, *, is_loaded: bool) -> Iterator[Finding]:
    """A warning for a file of settings beside a definition that has a dags file of its own."""
    file = definition.with_name(f"{definition.stem}{SUFFIX}") if isinstance(definition, Path) else None
    if file is not None and not is_loaded and file.is_file():
        message = (
            f"{file.name} does not count: it is for load_dags. The settings of this Dag are its arguments in Python"
        )
        yield Finding(message, severity=Severity.WARNING, code="sidecar-unused")


def file_name(definition: object) -> str | None:
    """The name of the definition's file, None where it is given otherwise."""
    return definition.name if isinstance(definition, Path) else None


def id_of_broken(definition: object, dag_id: str | None) -> str | None:
    """The dag id of a definition that cannot be used: the one that it has when it can, as far as it can be read.

    None where there is none: a definition carries no name of its own.
    """
    if dag_id is not None or not isinstance(definition, Path):
        return dag_id
    found = definitions_in(definition, definition.name)
    return found[0].dag_id if len(found) == 1 else safe_dag_id(definition.stem)


def given_replacements(given: object) -> tuple[Replacement, ...]:
    """:raises DefinitionError: for what is no replacement"""
    try:
        return replacements_of(given)
    except ReplaceError as error:
        finding = Finding(str(error), code="dag-argument", given=("replace",)).bounded()
        raise DefinitionError("the arguments of the Dag", [finding]) from None


def handled(given: str) -> HandledFailures:
    """:raises ValueError: for what is no such choice"""
    if given not in get_args(HandledFailures):
        raise ValueError(f"handled_failures = {given!r} is none of {', '.join(get_args(HandledFailures))}")
    return cast("HandledFailures", given)
