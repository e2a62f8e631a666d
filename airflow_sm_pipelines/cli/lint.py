"""``lint``: the findings of files and folders of definitions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from airflow_sm_pipelines.cli.checking import check_file, files_of, settings_around
from airflow_sm_pipelines.cli.dags_files import Maker, made_twice, makers_below, place_by
from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_annotations, as_json, as_text
from airflow_sm_pipelines.cli.model import of_settings
from airflow_sm_pipelines.cli.terminal import write_lines
from airflow_sm_pipelines.dag_ids import judged
from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.sidecars.names import DEFAULTS, MARK, is_sidecar
from airflow_sm_pipelines.sidecars.steps import unmatched_in_all

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.cli.checking import Files
    from airflow_sm_pipelines.cli.model import Checked
    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.sidecars.folder import FolderSettings


class _Outcome(Struct):
    """What was found so far. Files that cannot be read are reported on standard error, and the others still checked."""

    checked: list[Checked] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    ignored: Mapping[Path, str] = MappingProxyType({})
    settings: dict[Path, Checked] = field(default_factory=dict)
    without: list[Path] = field(default_factory=list)
    unreadable: int = 0
    makers: list[Maker] = field(default_factory=list)

    def add(self, path: Path, arguments: argparse.Namespace, settings: FolderSettings, root: Path) -> None:
        try:
            found = check_file(path, arguments, settings, place_by(self.makers, root, path))
        except CommandError as error:
            sys.stderr.write(f"sm-pipelines lint: {error}\n")
            self.unreadable += 1
            return
        if not found:
            self.skipped.append(path)
        reported: set[Finding] = set()
        for checked in found:
            self.add_settings(checked.findings, [layer.source for layer in checked.given.layers])
            # What is wrong with the definition is reported once for all its instances.
            checked = checked.with_findings(
                each for each in checked.findings if each.file is None and each not in reported
            )
            reported.update(checked.findings)
            if (twice := made_twice(self.makers, path, checked.dag_id)) is not None:
                checked = replace(checked, findings=(twice, *checked.findings))  # the same with more
            self.checked.append(checked)

    def judge_ids(self) -> None:
        """A finding for each definition whose dag id another one has, or none."""
        judged_ids = judged(checked.claim for checked in self.checked if checked.claim is not None)
        for number, finding in enumerate(judged_ids):
            if finding is not None:
                checked = self.checked[number]
                self.checked[number] = replace(checked, findings=(finding.at(1, 1), *checked.findings))

    def add_settings(self, findings: Iterable[Finding], names: Iterable[str]) -> None:
        """Files of settings with their findings, which several Dags may have in common."""
        kept = tuple(findings)
        for path in map(Path, names):
            new = of_settings(path, kept)
            older = self.settings.get(path)
            both = new.findings if older is None else dict.fromkeys((*older.findings, *new.findings))
            self.settings[path] = new.with_findings(sorted(both, key=lambda each: (each.line or 0, each.column or 0)))

    @property
    def everything(self) -> list[Checked]:
        return [*self.checked, *(self.settings[path] for path in sorted(self.settings))]

    @property
    def definitions(self) -> int:
        return sum(checked.instance is None for checked in self.checked)

    @property
    def errors(self) -> int:
        return sum(checked.errors for checked in self.everything)

    @property
    def warnings(self) -> int:
        return sum(checked.warnings for checked in self.everything)

    def status(self, *, strict: bool) -> int:
        if self.unreadable:
            return 2
        return 1 if self.errors or (strict and self.warnings) else 0


def run(arguments: argparse.Namespace) -> int:
    """Check what is named; 0 is clean, 1 is findings (warnings count with ``--strict``), 2 is an unreadable file."""
    files = files_of(arguments.paths)
    outcome = _Outcome(ignored=files.ignored, makers=makers_below(map(Path, arguments.paths)))
    for path in files.paths:
        outcome.add(path, arguments, files.settings[path], files.roots[path])
    outcome.judge_ids()
    _add_beside(outcome, files)
    if arguments.format == "json":
        sys.stdout.write(json.dumps(_document(outcome), indent=2) + "\n")
    else:
        render = as_annotations if arguments.format == "github" else as_text
        for checked in outcome.everything:
            write_lines(render(checked))
        write_lines([_summary(outcome)])
    return outcome.status(strict=arguments.strict)


def _add_beside(outcome: _Outcome, files: Files) -> None:
    """The files of settings that are named or stand in the folders, and that no definition has."""
    if files.folders:
        pairs = [(checked.given.layers, checked.plan) for checked in outcome.checked]
        for finding in unmatched_in_all(pairs):
            assert finding.file is not None
            outcome.add_settings([finding], [finding.file])
    for own in files.folders:
        folders = {path.parent for path in own.files.root.glob(f"**/*{MARK}*")}
        unused = [path for path in outcome.skipped if own.files.root in path.parents]
        for path, finding in own.without_definition(folders, unused):
            outcome.add_settings([finding], [str(path)])
    for path in files.beside:
        if not is_sidecar(path.name):
            outcome.skipped.append(path)
        elif path not in outcome.settings:
            own = settings_around(path)
            findings = list(own.layer_of(path).findings)
            if path.name != DEFAULTS:
                findings += [each for named, each in own.without_definition([path.parent], []) if named == path]
            outcome.add_settings(findings, [str(path)])


def _document(outcome: _Outcome) -> dict[str, object]:
    return {
        "definitions": outcome.definitions,
        "settings": [str(path) for path in sorted(outcome.settings)],
        "skipped": [str(path) for path in outcome.skipped],
        "ignored": [str(path) for path in outcome.ignored],
        "errors": outcome.errors,
        "warnings": outcome.warnings,
        "findings": [finding for checked in outcome.everything for finding in as_json(checked)],
    }


def _summary(outcome: _Outcome) -> str:
    beside = [f"{counted(len(outcome.skipped), 'file')} skipped: no definition"] if outcome.skipped else []
    if outcome.ignored:
        paths = listed([f"{path} ({why})" for path, why in sorted(outcome.ignored.items())])
        beside.append(f"{len(outcome.ignored)} ignored: {paths}")
    skipped = f" ({'; '.join(beside)})" if beside else ""
    found = f"{counted(outcome.errors, 'error')}, {counted(outcome.warnings, 'warning')}"
    settings = f" and {counted(len(outcome.settings), 'file')} of settings" if outcome.settings else ""
    return f"{counted(outcome.definitions, 'definition')}{settings} checked{skipped}: {found}"


def counted(number: int, noun: str) -> str:
    """``1 error``, ``2 errors``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
