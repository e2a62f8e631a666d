"""Files and folders to plans and findings: what ``lint``, ``list``, ``show`` and ``explain`` have in common."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_text
from airflow_sm_pipelines.cli.model import Checked, Skipped
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.secret_names import names_of_environment
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.validation.allow_list import AllowList

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from airflow_sm_pipelines.graph import Plan

PATTERN = "**/*.json"
"""What is looked for in a folder, as by ``load_dags``."""


def files_of(paths: Iterable[str]) -> Iterator[Path]:
    """The files that are named, and those in the folders that are, each once.

    :raises CommandError: for a path that does not exist
    """
    seen: set[Path] = set()
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise CommandError(f"there is no file or folder {name!r}")
        inside = sorted(file for file in path.glob(PATTERN) if file.is_file()) if path.is_dir() else [path]
        for file in inside:
            resolved = file.resolve()
            if resolved not in seen:
                seen.add(resolved)
                yield file


def check_file(path: Path, arguments: argparse.Namespace) -> Checked | Skipped:
    """One file with the options ``--unsupported-steps`` and ``--unsupported-keys``.

    :raises CommandError: if it cannot be read
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
    planned: Plan | None = None
    findings: tuple[Finding, ...]
    try:
        planned = plan(
            data,
            source=str(path),
            unsupported_steps=arguments.unsupported_steps,
            unsupported_keys=arguments.unsupported_keys,
            is_secret=names_of_environment(os.environ),
            allowed=AllowList.of_environment(os.environ),
        )
    except DefinitionError as error:
        outer = _outermost(data)
        if outer is not None and "Steps" not in outer and "PipelineDefinition" not in outer:
            return Skipped(path)
        name = None if outer is None or "PipelineDefinition" not in outer else outer.get("PipelineName")
        findings = error.findings
    else:
        name, findings = planned.pipeline.name, planned.pipeline.warnings
    text = data.decode("utf-8", errors="replace").removeprefix("\ufeff")
    dag_id = safe_dag_id(name if isinstance(name, str) and name else path.stem)
    return Checked(path, text, dag_id, planned, findings)


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
        " files (or the pipeline)"
    ).at(1, 1)


def _outermost(data: bytes) -> dict[str, object] | None:
    """The document if it is a JSON object."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
