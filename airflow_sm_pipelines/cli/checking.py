"""Files and folders to plans and findings: what ``lint``, ``list``, ``show`` and ``explain`` have in common."""

from __future__ import annotations

import logging
import os
import sys
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct

from airflow_sm_pipelines.cli.errors import CommandError
from airflow_sm_pipelines.cli.formats import as_text
from airflow_sm_pipelines.cli.model import Checked
from airflow_sm_pipelines.dag_ids import dag_ids_of_environment, place_of
from airflow_sm_pipelines.definition.findings import DefinitionError, Severity, unexpected
from airflow_sm_pipelines.definition.paths import listed
from airflow_sm_pipelines.discovery import PATTERN, definitions_in, paths_in, with_instances
from airflow_sm_pipelines.expressions.templates import known_of
from airflow_sm_pipelines.given_roles import check_roles, replacement_of
from airflow_sm_pipelines.graph import plan
from airflow_sm_pipelines.ignored import Ignored, syntax_of_environment
from airflow_sm_pipelines.settings import secret_names_of_environment
from airflow_sm_pipelines.sidecars.checking import check_given
from airflow_sm_pipelines.sidecars.folder import FolderSettings, allows_of_environment
from airflow_sm_pipelines.sidecars.layers import Merged
from airflow_sm_pipelines.sidecars.names import SidecarFiles, is_sidecar, owner_of
from airflow_sm_pipelines.validation.allow_list import AllowList
from airflow_sm_pipelines.validation.severities import severities_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from airflow_sm_pipelines.dag_ids import Place
    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.discovery import DefinitionFile
    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.ignored import Syntax
    from airflow_sm_pipelines.validation.severities import ValueSeverities

log = logging.getLogger(__name__)


class Files(Struct, frozen=True):
    """The files to check, and what of the folders never is a definition: hidden files, copies, ``.airflowignore``.

    ``settings`` are the files of settings that count for each, and ``folders`` those of the folders that are named.
    ``beside`` are files that were named and are settings, or YAML that is none. ``roots`` are the folders that the
    files were found in, which ``load_dags`` would be given.
    """

    paths: tuple[Path, ...]
    ignored: Mapping[Path, str]
    settings: Mapping[Path, FolderSettings]
    folders: tuple[FolderSettings, ...] = ()
    beside: tuple[Path, ...] = ()
    roots: Mapping[Path, Path] = MappingProxyType({})


def files_of(paths: Iterable[str]) -> Files:
    """The files that are named, whatever they are called, and those in the folders that are, each once.

    :raises CommandError: for a path that does not exist
    """
    found: dict[Path, Path] = {}
    ignored: dict[Path, str] = {}
    roots: dict[Path, Path] = {}
    settings: dict[Path, FolderSettings] = {}
    folders: list[FolderSettings] = []
    beside: list[Path] = []
    for name in paths:
        path = Path(name)
        if not path.exists():
            raise CommandError(f"there is no file or folder {name!r}")
        if path.is_dir():
            below = Ignored(path, _syntax())
            inside = paths_in(path, PATTERN, below)
            own = settings_below(SidecarFiles(path, below, frozenset(inside)))
            ignored |= below.found
            folders.append(own)
        else:
            own = settings_around(path)
            is_yaml = path.suffix in (".yaml", ".yml") or is_sidecar(path.name)
            inside = definitions_of(path) if is_yaml else [path]
            beside += [path] if is_yaml else []
        for file in inside:
            if found.setdefault(file.resolve(), file) is file:
                settings[file] = own
                roots[file] = path if path.is_dir() else file.parent
    return Files(tuple(found.values()), ignored, settings, tuple(folders), tuple(beside), roots)


def settings_below(files: SidecarFiles) -> FolderSettings:
    """The files of settings of a folder that ``load_dags`` would be given."""
    return FolderSettings(files, allows_of_environment(os.environ), str)


def settings_around(file: Path) -> FolderSettings:
    """Those of one file: the defaults of the folders around it count up to the current one, where it is below that."""
    is_below = not file.is_absolute() and ".." not in file.parts
    return settings_below(
        SidecarFiles(Path() if is_below else file.parent, named=None if is_sidecar(file.name) else file)
    )


def definitions_of(file: Path) -> list[Path]:
    """The definition that a file of settings is for."""
    stems = {each.stem: each for each in file.parent.iterdir() if each.suffix == ".json" and each.is_file()}
    owner = owner_of(file.name, stems) if is_sidecar(file.name) else None
    return [] if owner is None else [stems[owner[0]]]


def place_below(root: Path, file: Path) -> Place:
    """How the definitions of a file come by their dag ids where ``load_dags`` is given a folder around it."""
    return place_of(dag_ids_of_environment(os.environ), file.relative_to(root).as_posix())


def _syntax() -> Syntax:
    try:
        return syntax_of_environment(os.environ)
    except ValueError as error:
        raise CommandError(str(error)) from None


def check_file(
    path: Path, arguments: argparse.Namespace, settings: FolderSettings, place: Place = str
) -> tuple[Checked, ...]:
    """The definitions of one file, and their instances, with the options ``--unsupported-steps``,
    ``--unsupported-keys`` and ``--values``. ``place`` makes dag ids of what they are called.

    :raises CommandError: if it cannot be read
    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror or error}") from None
    values = _severities(arguments.values)
    found = definitions_in(path, str(path), place=place)
    files = chain.from_iterable(with_instances(file, settings) for file in found)
    return tuple([_check(file, arguments, values, settings) for file in files])


def _check(
    file: DefinitionFile, arguments: argparse.Namespace, values: ValueSeverities, settings: FolderSettings
) -> Checked:
    planned: Plan | None = None
    findings: tuple[Finding, ...]
    merged = Merged.of(settings.layers_of(file.path, file.instance, is_shared=file.excerpt is not None))
    given, is_secret = merged.arguments, secret_names_of_environment(os.environ)
    roles = replacement_of(given.get("roles"))
    try:
        planned = plan(
            file.definition,
            source=file.name,
            unsupported_steps=arguments.unsupported_steps,
            unsupported_keys=arguments.unsupported_keys,
            is_secret=is_secret,
            allowed=AllowList.of_environment(os.environ),
            values=values,
            given=known_of(given.get("parameters", {})),
            roles=roles,
            replacements=given.get("replace", ()),
        )
        more = [
            *check_given(planned, merged, is_secret),
            *check_roles(planned, given.get("role_arn"), given.get("roles"), given.get("parameters", {})),
        ]
        findings = (*planned.pipeline.warnings, *merged.located(more))
    except DefinitionError as error:
        findings = error.findings
    except Exception as error:
        log.exception("%s", file.name)
        findings = unexpected(file.name, error).findings
    findings = (*findings, *merged.findings)
    if any(finding.file is not None and finding.severity is Severity.ERROR for finding in findings):
        # Its Dag shows the findings and runs nothing.
        planned = None
    text = (file.text or b"").decode("utf-8", errors="replace").removeprefix("\ufeff")
    return Checked(file.path, text, file.dag_id, planned, findings, file.name, file.instance, merged, file.claim)


def _severities(text: str) -> ValueSeverities:
    try:
        return severities_of(text)
    except ValueError as error:
        raise CommandError(f"--values: {error}") from None


def plan_file(arguments: argparse.Namespace) -> Checked:
    """The one definition that ``show``, ``explain`` and ``iam`` are given; ``--pipeline`` says which of a template.

    :raises CommandError: if the file cannot be read, or holds no definition, or several
    """
    path = Path(arguments.file)
    if not path.is_file():
        raise CommandError(f"there is no file {arguments.file!r}")
    found = check_file(path, arguments, settings_around(path))
    if not found:
        raise CommandError(f"{path} is no pipeline definition: it has neither Steps nor PipelineDefinition")
    names = listed([checked.dag_id for checked in found])
    if arguments.pipeline is not None:
        found = tuple([checked for checked in found if checked.dag_id == arguments.pipeline])
        if not found:
            raise CommandError(f"{path} has no pipeline {arguments.pipeline!r}; it has {names}")
    if len(found) > 1 and arguments.pipeline is not None:
        raise CommandError(f"{path} has {len(found)} pipelines {arguments.pipeline!r}: each needs a name of its own")
    if arguments.pipeline is None:
        found = tuple([checked for checked in found if checked.instance is None])
    if len(found) > 1:
        raise CommandError(f"{path} holds several pipelines ({names}): say which with --pipeline NAME")
    return found[0]


def report_errors(checked: Checked) -> int:
    """Report on standard error why there is no plan; the exit status for that."""
    sys.stderr.writelines(f"{line}\n" for each in checked.by_file() for line in as_text(each))
    return 1
