"""``lint``: the findings of files and folders of definitions."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.cli.checking import check_file, clash, files_of
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_annotations, as_json, as_text
from airflow_sm_pipelines.cli.model import Checked, Skipped
from airflow_sm_pipelines.cli.terminal import write_lines

if TYPE_CHECKING:
    import argparse
    from pathlib import Path


class _Outcome(Struct):
    """What was found so far. Files that cannot be read are told on standard error, and the others still checked."""

    checked: list[Checked] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    unreadable: int = 0
    first_of: dict[str, Path] = field(default_factory=dict)

    def add(self, path: Path, arguments: argparse.Namespace) -> None:
        try:
            result = check_file(path, arguments)
        except CommandError as error:
            sys.stderr.write(f"sm-pipelines lint: {error}\n")
            self.unreadable += 1
            return
        if isinstance(result, Skipped):
            self.skipped.append(path)
            return
        first = self.first_of.setdefault(result.dag_id, path)
        if first is not path:
            result = replace(result, findings=(clash(first, path, result.dag_id), *result.findings))
        self.checked.append(result)

    @property
    def errors(self) -> int:
        return sum(checked.errors for checked in self.checked)

    @property
    def warnings(self) -> int:
        return sum(checked.warnings for checked in self.checked)

    def status(self, *, strict: bool) -> int:
        if self.unreadable:
            return 2
        return 1 if self.errors or (strict and self.warnings) else 0


def run(arguments: argparse.Namespace) -> int:
    """Check what is named; 0 is clean, 1 is findings (warnings count with ``--strict``), 2 is an unreadable file."""
    outcome = _Outcome()
    for path in files_of(arguments.paths):
        outcome.add(path, arguments)
    if arguments.format == "json":
        sys.stdout.write(json.dumps(_document(outcome), indent=2) + "\n")
    else:
        render = as_annotations if arguments.format == "github" else as_text
        for checked in outcome.checked:
            write_lines(render(checked))
        write_lines([_summary(outcome)])
    return outcome.status(strict=arguments.strict)


def _document(outcome: _Outcome) -> dict[str, object]:
    return {
        "definitions": len(outcome.checked),
        "skipped": [str(path) for path in outcome.skipped],
        "errors": outcome.errors,
        "warnings": outcome.warnings,
        "findings": [finding for checked in outcome.checked for finding in as_json(checked)],
    }


def _summary(outcome: _Outcome) -> str:
    skipped = f" ({counted(len(outcome.skipped), 'file')} skipped: no definition)" if outcome.skipped else ""
    found = f"{counted(outcome.errors, 'error')}, {counted(outcome.warnings, 'warning')}"
    return f"{counted(len(outcome.checked), 'definition')} checked{skipped}: {found}"


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
