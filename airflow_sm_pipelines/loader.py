"""Every definition in a folder as a Dag: what the file in the dags folder calls."""

from __future__ import annotations

import logging
import time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from airflow.sdk import DAG, get_parsing_context

from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.dag_ids import dag_ids_of
from airflow_sm_pipelines.definition.findings import DefinitionError, Finding
from airflow_sm_pipelines.definition_file import record_file
from airflow_sm_pipelines.definitions_folder import UNUSED, DefinitionsFolder
from airflow_sm_pipelines.discovery import PATTERN
from airflow_sm_pipelines.error_dag import error_dag
from airflow_sm_pipelines.file_dags import build
from airflow_sm_pipelines.given_definition import calling_frames
from airflow_sm_pipelines.given_settings import in_python
from airflow_sm_pipelines.import_time import OPTION, REMEDY, import_time_of, unlimited
from airflow_sm_pipelines.namespace import Namespace
from airflow_sm_pipelines.naming import safe_dag_id
from airflow_sm_pipelines.overrides import Overrides
from airflow_sm_pipelines.sidecars.layers import layer_of
from airflow_sm_pipelines.sidecars.steps import unmatched_in_all

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from types import FrameType

    from airflow_sm_pipelines.graph import Plan
    from airflow_sm_pipelines.import_time import ImportTime
    from airflow_sm_pipelines.naming import DagIds
    from airflow_sm_pipelines.sidecars.layers import Layer

log = logging.getLogger(__name__)

STEPS_ID = "steps--override"
"""The Dag that shows settings of steps that no step of any Dag has."""
IMPORT_TIMEOUT = "--import-timeout"
"""How the id of the Dag ends that stands for a folder for which there was not enough time."""


def load_dags(
    folder: str | Path,
    *,
    pattern: str = PATTERN,
    exclude: str | Collection[str] = (),
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    dag_ids: DagIds | None = None,
    on_error: Literal["dag", "raise"] = "dag",
    **dag_kwargs: Any,
) -> dict[str, DAG]:
    """The Dags of all pipeline definitions in a folder, by dag id.

    A JSON object that has neither ``Steps`` nor ``PipelineDefinition`` is no definition and is skipped; each pipeline
    of a CloudFormation template is one. Hidden files and folders below the folder, copies that editors leave behind and
    what ``.airflowignore`` files in it name are not read. A worker that runs one Dag builds only that one. The key of
    a Dag whose id is a name of the calling file, or one of Python's own, is ``dag:<id>``, so that
    ``globals().update(load_dags(...))`` takes no name from the file.

    A folder that takes more than half of the time that Airflow gives the dags file is logged. After four
    fifths of it no further definition is begun, and a Dag of its own says how to split the folder (docs/limits.md).

    :param folder: relative to the calling file, or to one that leads to it: that of a helper function, then the dags
        file
    :param pattern: which files of the folder are read
    :param exclude: globs of what is left out: paths of files or folders below the folder, or dag ids
    :param overrides: arguments of :class:`SageMakerPipelineDag` for single Dags, by dag id or by a glob of dag ids.
        They win over those for all definitions, and those by the very id win over those by a glob. They add to
        ``default_args``, ``parameters``, ``params`` and ``roles``. An id or glob that no Dag has is a finding, shown by
        a Dag of its own
    :param dag_ids: ``stem`` names a Dag after its pipeline or file alone, ``path`` puts the folders before that, with
        ``__``; by default as the option of that name
    :param on_error: what becomes of a broken definition. ``dag``: a Dag of its id that shows the findings and fails
        with them. It hides no other Dag, and keeps schedule, owner, tags and callbacks. ``raise`` is for tests
    :param dag_kwargs: arguments of :class:`SageMakerPipelineDag` for all definitions
    :raises DefinitionError: with ``on_error="raise"``, for the one definition that is broken
    :raises ExceptionGroup: with ``on_error="raise"``, of the DefinitionErrors of several
    :raises FileNotFoundError: where there is no such folder
    """
    callers = calling_frames()
    of_one_dag = get_parsing_context().dag_id is not None
    return load_in_time(
        unlimited() if of_one_dag else import_time_of(callers[-1].f_code.co_filename),
        callers,
        folder,
        pattern=pattern,
        exclude=exclude,
        overrides=overrides,
        dag_ids=dag_ids,
        on_error=on_error,
        dag_kwargs=dag_kwargs,
    )


def load_in_time(
    import_time: ImportTime,
    callers: Sequence[FrameType],
    folder: str | Path,
    *,
    pattern: str = PATTERN,
    exclude: str | Collection[str] = (),
    overrides: Mapping[str, Mapping[str, Any]] | None = None,
    dag_ids: DagIds | None = None,
    on_error: Literal["dag", "raise"] = "dag",
    dag_kwargs: Mapping[str, Any],
) -> dict[str, DAG]:
    """What :func:`load_dags` makes, as long as there is time for it.

    :param callers: the frames from the one that calls outwards to that of the dags file
    """
    started = time.perf_counter()
    names, dags_file = Namespace(callers[-1]), Path(callers[-1].f_code.co_filename)
    beside = (Path(caller.f_code.co_filename).parent / folder for caller in callers)
    root = next((path for path in beside if path.is_dir()), None)
    if root is None:
        raise FileNotFoundError(f"load_dags: {dags_file.parent / folder} is no folder")
    wanted = get_parsing_context().dag_id
    dags: dict[str, DAG] = {}
    errors: list[DefinitionError] = []
    given, left_out = Overrides(overrides), (exclude,) if isinstance(exclude, str) else tuple(exclude)
    shared = layer_of("load_dags", dag_kwargs, is_shared=True)
    found = DefinitionsFolder(root, pattern, left_out, None if dag_ids is None else dag_ids_of(dag_ids))
    all_known = wanted in (None, STEPS_ID) or given.names_error_dag(wanted) or wanted.endswith(UNUSED)
    seen: list[str] = []
    made: list[tuple[Sequence[Layer], Plan | None]] = []

    def broken(
        dag_id: str, name: str, error: DefinitionError, arguments: Mapping[str, Any], lead: str | None = None
    ) -> DAG:
        errors.append(error)
        log.error("%s", error)
        return error_dag(dag_id, name, error, arguments, lead)

    # As it was given: the folder of a Git bundle has another name in each of its versions.
    called = Path(folder).name or "."
    too_slow = safe_dag_id(f"{dags_file.stem}--{called}{IMPORT_TIMEOUT}")
    for file, clash in found.definitions(None if all_known else wanted, import_time.is_left):
        if not import_time.is_left():
            break
        seen.append(file.dag_id)
        if wanted not in (None, file.dag_id, STEPS_ID):
            continue
        merged = in_python([shared, *found.layers_of(file), *given.layers_of(file.dag_id)])
        fault = given.fault_of(file.dag_id) if clash is None else DefinitionError(file.name, [clash])
        built: DAG | DefinitionError = fault or build(file, merged)
        made.append((merged.layers, built.plan if isinstance(built, SageMakerPipelineDag) else None))
        if isinstance(built, DefinitionError):
            built = broken(file.dag_id, file.name, built, merged.arguments)
        else:
            logical_id = None if file.excerpt is None else file.excerpt.logical_id
            record_file(built, file.path, dags_file.parent, logical_id)
        dags[names.key(file.dag_id)] = built
    unmatched: Iterable[tuple[str, DefinitionError]] = ()
    if import_time.stopped or wanted == too_slow:
        # Nothing is said of settings that no definition has: one that was not begun may have them.
        error, lead = _too_slow(called, pattern, found.count), "Some Dags of this folder are missing."
        dags[names.key(too_slow)] = broken(too_slow, error.source, error, {}, lead)
    elif all_known:
        unmatched = chain(given.unmatched(seen), found.unused(seen), _unmatched_steps(made))
    for dag_id, error in unmatched:
        if wanted in (None, dag_id):
            dags[names.key(dag_id)] = broken(dag_id, error.source, error, {})
    import_time.warn(root, dags_file, len(made))
    log.info("%d definitions of %s read in %.3f s", len(dags), root, time.perf_counter() - started)
    if on_error == "raise" and errors:
        raise errors[0] if len(errors) == 1 else ExceptionGroup(f"{len(errors)} definitions are broken", errors)
    return dags


def _unmatched_steps(made: Sequence[tuple[Sequence[Layer], Plan | None]]) -> Iterator[tuple[str, DefinitionError]]:
    """A dag id and the findings where settings of steps that several Dags have in common are for none."""
    if findings := [*unmatched_in_all(made)]:
        yield STEPS_ID, DefinitionError("settings of steps", findings)


def _too_slow(folder: str, pattern: str, count: int) -> DefinitionError:
    """The finding, which is the same at each parse: how far one came, which differs, is in the log."""
    message = (
        f"The {count} files of the folder {folder} that match {pattern!r} cannot all be made Dags within {OPTION} of"
        f" their dags file. The first ones in the order of their paths are, the others are missing. {REMEDY}"
    )
    return DefinitionError(folder, [Finding(message, code="import-timeout")])
