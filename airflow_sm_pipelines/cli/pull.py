"""``pull``: the pipelines that are registered in SageMaker as files of a folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.cli.aws_clients import clients_of, reporting_aws_errors
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_json, as_text
from airflow_sm_pipelines.cli.lint import counted
from airflow_sm_pipelines.cli.model import Checked
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.definition.findings import DefinitionError
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.settings import secret_names_of_environment
from airflow_sm_pipelines.store.pull import Pulled, Selection, pull
from airflow_sm_pipelines.store.pulled_folder import FolderError, PulledFolder, State
from airflow_sm_pipelines.store.registered import RegisteredPipelines
from airflow_sm_pipelines.validation.allow_list import AllowList

if TYPE_CHECKING:
    import argparse

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.graph import Plan

_COUNTED = (State.NEW, State.CHANGED, State.UNCHANGED, State.REMOVED, State.KEPT)


def run(arguments: argparse.Namespace) -> int:
    """Pull them; 0 is done, 1 is done but for pipelines that are broken or could not be had or files that were kept,
    2 is wrong usage or an AWS that cannot be asked, and then nothing is changed.
    """
    selection, folder = _selection(arguments), PulledFolder(Path(arguments.folder))
    if folder.path.exists() and not folder.path.is_dir():
        raise CommandError(f"{arguments.folder} is no folder")
    try:
        with reporting_aws_errors():
            pulled = pull(
                RegisteredPipelines(clients_of(arguments)),
                folder,
                selection,
                prune=arguments.prune,
                dry_run=arguments.dry_run,
                overwrite=arguments.overwrite,
            )
    except FolderError as error:
        raise CommandError(str(error)) from None
    except OSError as error:
        raise CommandError(f"{error.filename or folder.path} cannot be written: {error.strerror or error}") from None
    checked = [_checked(folder.path / change.name, change.data) for change in pulled.changes if change.data is not None]
    if arguments.format == "json":
        sys.stdout.write(json.dumps(_document(arguments, pulled, checked), indent=2, ensure_ascii=False) + "\n")
    else:
        _report(arguments, pulled, checked)
    broken = any(each.errors for each in checked)
    return 1 if broken or pulled.failures or pulled.count(State.KEPT) else 0


def _selection(arguments: argparse.Namespace) -> Selection:
    """What is selected, in one of three ways.

    :raises CommandError: for none of them or several, a name that no pipeline can have, a tag that is no ``key=value``
    """
    ways = [bool(arguments.names), arguments.all, bool(arguments.tag)]
    if sum(ways) != 1:
        raise CommandError("say which pipelines: by NAME..., or --all, or --tag KEY=VALUE")
    tags = dict(tag.partition("=")[::2] for tag in arguments.tag)
    if any("=" not in tag for tag in arguments.tag) or "" in tags:
        raise CommandError("a tag is given as --tag KEY=VALUE")
    if len(tags) < len(arguments.tag):
        raise CommandError("one key of a tag stands twice: a pipeline has one value of it")
    try:
        return Selection(tuple(arguments.names), tags)
    except ValueError as error:
        raise CommandError(str(error)) from None


def _checked(path: Path, data: bytes) -> Checked:
    """A pulled definition as ``lint`` judges it."""
    planned: Plan | None = None
    findings: tuple[Finding, ...]
    try:
        planned = plan(
            data,
            source=str(path),
            is_secret=secret_names_of_environment(os.environ),
            allowed=AllowList.of_environment(os.environ),
        )
        findings = planned.pipeline.warnings
    except DefinitionError as error:
        findings = error.findings
    return Checked(path, data.decode(), safe_dag_id(path.stem), planned, findings, str(path))


def _report(arguments: argparse.Namespace, pulled: Pulled, checked: Sequence[Checked]) -> None:
    width = max(len(state.value) for state in State)
    for change in pulled.changes:
        reason = f": {change.reason}; --overwrite takes SageMaker's" if change.reason else ""
        write_lines([f"{change.state.value:<{width}}  {change.name}{reason}"])
    for failure in pulled.failures:
        write_lines([f"{'failed':<{width}}  {failure.name}: {failure.reason}"])
    broken = [each for each in checked if each.errors]
    if broken:
        write_lines(["", *(line for each in broken for line in as_text(each))])
    counts = [f"{pulled.count(state)} {state.value}" for state in _COUNTED if pulled.count(state)]
    more = {"failed": len(pulled.failures), "broken": len(broken)}
    counts += [f"{number} {what}" for what, number in more.items() if number]
    done = "would be pulled" if arguments.dry_run else "pulled"
    summary = f": {', '.join(counts)}" if counts else ""
    write_lines([f"{counted(len(checked), 'pipeline')} {done} into {arguments.folder}{summary}"])


def _document(arguments: argparse.Namespace, pulled: Pulled, checked: Sequence[Checked]) -> dict[str, object]:
    return {
        "folder": arguments.folder,
        "dry_run": arguments.dry_run,
        "files": [
            {"file": change.name, "state": change.state.value, **({"reason": change.reason} if change.reason else {})}
            for change in pulled.changes
        ],
        "failed": [{"pipeline": failure.name, "reason": failure.reason} for failure in pulled.failures],
        "broken": [each.path.name for each in checked if each.errors],
        "findings": [finding for each in checked for finding in as_json(each)],
    }
