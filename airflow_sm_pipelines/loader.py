"""Every definition in a folder as a Dag: what the file in the dags folder calls."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import DAG, get_parsing_context

from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.definition.findings import DefinitionError, unexpected
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.discovery import PATTERN, definition_in, paths_in, without_clashes
from airflow_sm_pipelines.error_dag import error_dag
from airflow_sm_pipelines.jobs.masking import Masking
from airflow_sm_pipelines.namespace import Namespace
from airflow_sm_pipelines.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_sm_pipelines.definition.findings import Finding
    from airflow_sm_pipelines.discovery import DefinitionFile

log = logging.getLogger(__name__)


def load_dags(
    folder: str | Path, *, pattern: str = PATTERN, on_error: Literal["dag", "raise"] = "dag", **dag_kwargs: Any
) -> dict[str, DAG]:
    """The Dags of all pipeline definitions in a folder, by dag id.

    A JSON object that has neither ``Steps`` nor ``PipelineDefinition`` is no definition and is skipped. A worker
    that runs one Dag builds only that one. The key of a Dag whose id is a name of the calling file, or one of
    Python's own, is ``dag:<id>``, so that ``globals().update(load_dags(...))`` takes no name from the file.

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
    frame = sys._getframe(1)
    names = Namespace(frame)
    root = Path(frame.f_code.co_filename).parent / folder
    if not root.is_dir():
        raise FileNotFoundError(f"load_dags: {root} is no folder")
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    errors: list[DefinitionError] = []
    for file, clash in _definitions(root, pattern, wanted):
        if wanted is not None and file.dag_id != wanted:
            continue
        built = _build(file, dag_kwargs) if clash is None else DefinitionError(file.relative, [clash])
        if isinstance(built, DefinitionError):
            errors.append(built)
            log.error("%s", built)
            built = error_dag(file.dag_id, file.relative, built)
        dags[names.key(file.dag_id)] = built
    log.info("%d definitions of %s read in %.3f s", len(dags), root, time.perf_counter() - started)
    if on_error == "raise" and errors:
        raise errors[0] if len(errors) == 1 else ExceptionGroup(f"{len(errors)} definitions are broken", errors)
    return dags


def _definitions(root: Path, pattern: str, wanted: str | None) -> Iterator[tuple[DefinitionFile, Finding | None]]:
    paths = paths_in(root, pattern)
    files = (definition_in(path, path.relative_to(root).as_posix(), wanted) for path in paths)
    return without_clashes((file for file in files if file is not None), paths)


def _build(file: DefinitionFile, dag_kwargs: Mapping[str, Any]) -> DAG | DefinitionError:
    source = storable(file.relative)
    try:
        dag = SageMakerPipelineDag(
            file.path if file.text is None else file.text, dag_id=file.dag_id, source=source, **dag_kwargs
        )
    except DefinitionError as error:
        return error
    except Exception as error:
        # Whatever went wrong with this definition, the others of the folder are none the worse for it. Airflow's
        # import time-out is no Exception.
        log.exception("%s: the definition could not be made a Dag", source)
        return unexpected(source, error)
    for finding in dag.plan.pipeline.warnings:
        log.warning("%s: %s", source, finding)
    if log.isEnabledFor(logging.DEBUG):
        from airflow_sm_pipelines.report import report_of

        for line in report_of(dag.plan, Masking(read_settings().not_secret).is_secret).lines():
            log.debug("%s: %s", source, line)
    return dag
