"""Every definition in a folder as a Dag: what the file in the dags folder calls."""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import DAG, get_parsing_context
from msgspec import Struct

from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.error_dag import error_dag
from airflow_sm_pipelines.jobs.masking import Masking
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

log = logging.getLogger(__name__)

WRAPPER_KEY = b'"PipelineDefinition"'


class DefinitionFile(Struct, frozen=True):
    """A JSON file of the folder: its text, and the dag id that it asks for."""

    path: Path
    relative: str
    text: bytes | None
    dag_id: str


def load_dags(
    folder: str | Path, *, pattern: str = "**/*.json", on_error: Literal["dag", "raise"] = "dag", **dag_kwargs: Any
) -> dict[str, DAG]:
    """The Dags of all pipeline definitions in a folder, by dag id.

    A JSON object that has neither ``Steps`` nor ``PipelineDefinition`` is no definition and is skipped. A worker
    that runs one Dag builds only that one.

    :param folder: relative to the calling file
    :param pattern: which files of the folder are read
    :param on_error: ``dag`` gives a broken definition a Dag of its id that shows the findings and fails with them,
        so that it hides no other; ``raise`` is for tests
    :param dag_kwargs: arguments of :class:`SageMakerPipelineDag` for all definitions
    :raises DefinitionError: with ``on_error="raise"``, for the one definition that is broken
    :raises ExceptionGroup: with ``on_error="raise"``, of the DefinitionErrors of several
    :raises FileNotFoundError: where there is no such folder
    """
    started = time.perf_counter()
    root = Path(sys._getframe(1).f_code.co_filename).parent / folder
    if not root.is_dir():
        raise FileNotFoundError(f"load_dags: {root} is no folder")
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    errors: list[DefinitionError] = []
    for file, clash in _without_clashes(_definition_files(root, pattern, wanted)):
        if wanted is not None and file.dag_id != wanted:
            continue
        built = _build(file, dag_kwargs) if clash is None else DefinitionError(file.relative, [clash])
        if isinstance(built, DefinitionError):
            errors.append(built)
            log.error("%s", built)
            built = error_dag(file.dag_id, file.relative, built)
        dags[file.dag_id] = built
    log.info("%d definitions of %s read in %.3f s", len(dags), root, time.perf_counter() - started)
    if on_error == "raise" and errors:
        raise errors[0] if len(errors) == 1 else ExceptionGroup(f"{len(errors)} definitions are broken", errors)
    return dags


def _definition_files(root: Path, pattern: str, wanted: str | None) -> Iterable[DefinitionFile]:
    """The definitions of the folder in path order; where one Dag is wanted, only what can be that Dag."""
    for path in sorted(path for path in root.glob(pattern) if path.is_file()):
        text = _read(path)
        wrapped = text is not None and WRAPPER_KEY in text
        dag_id = safe_dag_id(path.stem)
        if wanted is not None and not wrapped and not wanted.startswith(dag_id):
            continue
        relative = path.relative_to(root).as_posix()
        outer = None if text is None else _outermost(text)
        if outer is not None:
            if "Steps" not in outer and "PipelineDefinition" not in outer:
                log.info("%s is no pipeline definition (it has no Steps) and is skipped", path)
                continue
            name = outer.get("PipelineName") if "PipelineDefinition" in outer else None
            dag_id = safe_dag_id(name) if isinstance(name, str) and name else dag_id
        yield DefinitionFile(path, relative, text, dag_id)


def _read(path: Path) -> bytes | None:
    """The file's content, or None where it cannot be read: the reader meets the same fault and makes it a finding."""
    try:
        return path.read_bytes()
    except OSError:
        return None


def _outermost(text: bytes) -> Mapping[str, Any] | None:
    """The document if it is a JSON object; anything else is for the reader to find fault with."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _without_clashes(files: Iterable[DefinitionFile]) -> Iterable[tuple[DefinitionFile, Finding | None]]:
    """Each file with a dag id that no file before it has; a later one of the same id takes another, and a finding."""
    first: dict[str, str] = {}
    for file in files:
        if file.dag_id not in first:
            first[file.dag_id] = file.relative
            yield file, None
            continue
        own_id = f"{file.dag_id}--{safe_dag_id(file.relative)}"
        finding = Finding(
            f"{first[file.dag_id]} and {file.relative} both ask for the dag id {file.dag_id!r}. The first in path"
            " order has it; rename one of the files (or the pipeline).",
        )
        yield DefinitionFile(file.path, file.relative, file.text, own_id), finding


def _build(file: DefinitionFile, dag_kwargs: Mapping[str, Any]) -> DAG | DefinitionError:
    try:
        dag = SageMakerPipelineDag(
            file.path if file.text is None else file.text, dag_id=file.dag_id, source=file.relative, **dag_kwargs
        )
    except DefinitionError as error:
        return error
    for finding in dag.plan.pipeline.warnings:
        log.warning("%s: %s", file.relative, finding)
    if log.isEnabledFor(logging.DEBUG):
        from airflow_sm_pipelines.report import report_of

        for line in report_of(dag.plan, Masking(read_settings().not_secret).is_secret).lines():
            log.debug("%s: %s", file.relative, line)
    return dag
