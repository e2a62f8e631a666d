"""Files and folders to plans and findings: what ``lint``, ``list``, ``show`` and ``explain`` have in common."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_text
from airflow_sm_pipelines.cli.model import Checked, Skipped
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding, unexpected
from airflow_sm_pipelines.definition.secret_names import names_of_environment
from airflow_sm_pipelines.discovery import definition_in, paths_in
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.validation.allow_list import AllowList
from airflow_sm_pipelines.validation.severities import severities_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.validation.severities import ValueSeverities

log = logging.getLogger(__name__)


def files_of(paths: Iterable[str]) -> Iterator[Path]:
    """The files that are named, and those in the folders that are, each once.

    :raises CommandError: for a path that does not exist
    """
    seen: set[Path] = set()
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise CommandError(f"there is no file or folder {name!r}")
        inside = paths_in(path) if path.is_dir() else [path]
        for file in inside:
            resolved = file.resolve()
            if resolved not in seen:
                seen.add(resolved)
                yield file


def check_file(path: Path, arguments: argparse.Namespace) -> Checked | Skipped:
    """One file with the options ``--unsupported-steps``, ``--unsupported-keys`` and ``--values``.

    :raises CommandError: if it cannot be read
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
    file = definition_in(path, str(path))
    if file is None:
        return Skipped(path)
    planned: Plan | None = None
    findings: tuple[Finding, ...]
    values = _severities(arguments.values)
    try:
        planned = plan(
            path if file.text is None else file.text,
            source=str(path),
            unsupported_steps=arguments.unsupported_steps,
            unsupported_keys=arguments.unsupported_keys,
            is_secret=names_of_environment(os.environ),
            allowed=AllowList.of_environment(os.environ),
            values=values,
        )
        findings = planned.pipeline.warnings
    except DefinitionError as error:
        findings = error.findings
    except Exception as error:
        log.exception("%s", path)
        findings = unexpected(str(path), error).findings
    text = (file.text or b"").decode("utf-8", errors="replace").removeprefix("\ufeff")
    return Checked(path, text, file.dag_id, planned, findings)


def _severities(text: str) -> ValueSeverities:
    try:
        return severities_of(text)
    except ValueError as error:
        raise CommandError(f"--values: {error}") from None


def plan_file(arguments: argparse.Namespace) -> Checked:
    """The one file that ``show`` and ``explain`` are given.

    :raises CommandError: if it cannot be read, or holds no definition
    """
    path = Path(arguments.file)
    if not path.is_file():
        raise CommandError(f"there is no file {arguments.file!r}")
    checked = check_file(path, arguments)
    if isinstance(checked, Skipped):
        raise CommandError(f"{path} is no pipeline definition: it has neither Steps nor PipelineDefinition")
    return checked


def tell_errors(checked: Checked) -> int:
    """Tell on standard error why there is no plan; the exit status for that."""
    sys.stderr.writelines(f"{line}\n" for line in as_text(checked))
    return 1


def clash(first: Path, second: Path, dag_id: str) -> Finding:
    """The finding for the second of two files that ask for one dag id."""
    return Finding(
        f"{first} and {second} both ask for the dag id {dag_id!r}; the first in path order has it, rename one of the"
        " files (or the pipeline)",
        code="dag-id-clash",
    ).at(1, 1)
