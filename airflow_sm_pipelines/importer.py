"""Definitions as Dag files of their own: the importer for Airflow 3.4, instead of a dags file with ``load_dags``.

In ``[dag_processor] dag_importer_configs``, or in the ``importers`` of one bundle::

    [{"classpath": "airflow_sm_pipelines.importer.SageMakerPipelineImporter", "extensions": [".json"]}]
"""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import get_parsing_context
from airflow.sdk.configuration import conf

from airflow_sm_pipelines.arguments import names_of
from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition.limits import MAX_BYTES
from airflow_sm_pipelines.definitions_folder import DefinitionsFolder
from airflow_sm_pipelines.error_dag import error_dag
from airflow_sm_pipelines.file_dags import FileDags, build
from airflow_sm_pipelines.ignored import Ignored, syntax_of
from airflow_sm_pipelines.overrides import is_excluded
from airflow_sm_pipelines.report.hidden_source import hidden_source
from airflow_sm_pipelines.settings import secret_names_of_environment
from airflow_sm_pipelines.sidecars.names import is_sidecar

try:
    from airflow.sdk.importers import (
        AbstractDagImporter,
        DagImportError,
        DagImportResult,
        DagImportWarning,
        DagSourceCode,
        FilesystemDagDefinition,
        get_file_suffix,
    )
except ImportError:
    raise ImportError(
        "SageMakerPipelineImporter needs Airflow 3.4 or newer, which has Dag importers; before that, a dags file with"
        " load_dags makes the same Dags"
    ) from None

if TYPE_CHECKING:
    from airflow.dag_processing.bundles.base import BaseDagBundle
    from airflow.sdk import DAG

    from airflow_sm_pipelines.discovery import DefinitionFile

log = logging.getLogger(__name__)

_KIND = "sagemaker_pipelines"
_SOURCE = "the importer"


class SageMakerPipelineImporter(AbstractDagImporter[FilesystemDagDefinition]):  # type: ignore[misc] # unknown to 3.3
    """Makes of each definition in a bundle what ``load_dags`` makes of it, with the settings beside it.

    :param exclude: globs of what is left out: paths of files or folders below the bundle, or dag ids
    :param on_error: ``raise`` lets the findings of a broken definition be its file's import error, and its Dag is not
        run until it is mended; ``dag`` gives it a Dag of its id that shows them, keeps its schedule and fails with them
    :param dag_kwargs: arguments of :class:`SageMakerPipelineDag` for all definitions, as JSON has them
    :raises TypeError: for an argument that neither that class nor Airflow's DAG has
    """

    supported_extensions = [".json"]

    def __init__(
        self,
        *,
        exclude: str | Collection[str] = (),
        on_error: Literal["raise", "dag"] = "raise",
        **dag_kwargs: Any,
    ) -> None:
        if on_error not in ("raise", "dag"):
            raise ValueError(f"on_error is {on_error!r}, and has to be raise or dag")
        unknown = dag_kwargs.keys() - names_of(SageMakerPipelineDag)
        if unknown:
            raise TypeError(f"SageMakerPipelineImporter: there is no argument {min(unknown)!r}")
        self._exclude = (exclude,) if isinstance(exclude, str) else tuple(exclude)
        self._on_error = on_error
        self._arguments: Mapping[str, Any] = dag_kwargs

    def can_handle(self, definition: object) -> bool:
        """Whether a file may be a definition, by its name."""
        name = str(definition) if isinstance(definition, str | Path) else repr(definition)
        return get_file_suffix(definition) in self.supported_extensions and not is_sidecar(Path(name).name)

    def list_dag_definitions(self, bundle: BaseDagBundle, *, safe_mode: bool = True) -> Iterator[Any]:  # noqa: ARG002
        """The files of a bundle that hold definitions, by content: a JSON file that is none is passed over.

        Of definitions with one dag id at most one has it (docs/git-folders.md), and the files of the others are errors;
        so is a file of settings that no definition has.
        """
        root = Path(bundle.path)
        if root.is_file():
            # Airflow asks for one file that it has found here before.
            if self.can_handle(root) and FileDags(root, root.parent).files:
                yield FilesystemDagDefinition(path=root)
            return
        for extension in self.supported_extensions:
            folder = DefinitionsFolder(root, f"**/*{extension}", self._exclude)
            clashes: dict[Path, list[Finding]] = {}
            for file, clash in folder.definitions(None):
                clashes.setdefault(file.path, []).extend([] if clash is None else [clash])
            for path, findings in clashes.items():
                yield _error(path, DefinitionError(path.name, findings)) if findings else FilesystemDagDefinition(path)
            for _, error in folder.unused(()):
                yield _error(root / error.source, error)

    def import_definition(self, definition: Any, bundle: BaseDagBundle) -> Any:
        """The Dags of a file; of a worker, which runs one Dag, only that one."""
        result, root = DagImportResult(definition=definition), _folder_of(bundle, definition)
        ignored = Ignored(root, syntax_of(conf.get("core", "dag_ignore_file_syntax", fallback=None)))
        found = FileDags(definition.path, root, ignored)
        wanted = get_parsing_context().dag_id
        findings: list[Finding] = []
        for file in found.files:
            if wanted not in (None, file.dag_id) or is_excluded(file.relative, file.dag_id, self._exclude):
                continue
            dag, error = self._dag_of(file, found)
            if dag is not None:
                result.dags.append(dag)
            if error is not None:
                findings += error.findings
        if findings:
            result.errors.append(_error(definition.path, DefinitionError(definition.path.name, findings)))
        warnings = [str(each) for dag in result.dags for each in _warnings_of(dag)]
        if warnings:
            # One for all: Airflow keeps one of a kind.
            result.warnings.append(
                DagImportWarning(repr(definition), "\n".join(dict.fromkeys(warnings)), warning_type=f"{_KIND}:findings")
            )
        return result

    def get_source_code(self, definition: Any, dag_id: str | None = None) -> Any:  # noqa: ARG002 # a file is shown whole
        """What the Code tab shows: the file, with stars for what stands under a secret name."""
        with definition.path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", errors="replace").replace("\0", "\ufffd")
        return DagSourceCode(hidden_source(text, secret_names_of_environment(os.environ)), "json")

    def _dag_of(self, file: DefinitionFile, found: FileDags) -> tuple[DAG | None, DefinitionError | None]:
        merged = found.merged(file, _SOURCE, shared=self._arguments)
        built = build(file, merged)
        if not isinstance(built, DefinitionError):
            return built, None
        if self._on_error == "dag":
            log.error("%s", built)
            return error_dag(file.dag_id, file.name, built, merged.arguments), None
        return None, built


def _folder_of(bundle: BaseDagBundle, definition: Any) -> Path:
    """The folder from which on inwards settings count."""
    root = Path(bundle.path)
    return root if root.is_dir() and definition.path.is_relative_to(root) else definition.path.parent


def _error(path: Path, error: DefinitionError) -> Any:
    """The one error that a file may have: all findings, and the place of the first."""
    first = next(iter(error.findings), None)
    return DagImportError(
        source_reference=str(path),
        message=str(error),
        error_type="definition",
        line_number=None if first is None else first.line,
        column_number=None if first is None else first.column,
        suggestion=None if first is None else first.suggestion,
    )


def _warnings_of(dag: DAG) -> Collection[Finding]:
    return dag.plan.pipeline.warnings if isinstance(dag, SageMakerPipelineDag) and dag.error is None else ()
