"""The definition of a Dag as the API server has it: the file where it is in reach, else what Airflow stores of it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.dag import DagModel
from airflow.models.dagbag import DBDagBag
from msgspec import Struct

from airflow_sm_pipelines.definition import DefinitionError
from airflow_sm_pipelines.definition.reader import read_definition
from airflow_sm_pipelines.definition_file import FILE_KEY
from airflow_sm_pipelines.discovery import definitions_in
from airflow_sm_pipelines.naming import PIPELINE_TAG
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.report.masked import masked_document
from airflow_sm_pipelines.settings import read_settings

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG
    from sqlalchemy.orm import Session

    from airflow_sm_pipelines.definition.model import Pipeline

log = logging.getLogger(__name__)

ENDINGS = frozenset({".json", ".template"})


class ShownDefinition(Struct, frozen=True):
    """What there is to show. ``document`` is the definition without its secrets, None where the file cannot be shown,
    for which ``why_not`` says the reason; then ``requests`` has what Airflow stores of the steps, by task id.
    """

    title: str
    file: str | None
    document: dict[str, Any] | None
    why_not: str | None
    requests: dict[str, Any]


def definition_of(session: Session, dag_id: str) -> ShownDefinition | None:
    """The definition of a Dag; None where it is no pipeline's."""
    model = session.get(DagModel, dag_id)
    dag = DBDagBag().get_latest_version_of_dag(dag_id, session=session)
    if model is None or dag is None or PIPELINE_TAG not in dag.tags:
        return None
    file = dag.default_args.get(FILE_KEY)
    if isinstance(file, str):
        document, why_not = _read(model, file)
    else:
        file, document, why_not = None, None, "The definition is no file beside the file of the Dag."
    requests = {} if document is not None else _requests(dag)
    return ShownDefinition(dag.dag_display_name or dag_id, file, document, why_not, requests)


def _read(model: DagModel, file: str) -> tuple[dict[str, Any] | None, str | None]:
    name, _, logical_id = file.partition("#")
    path = _path(model, name)
    if path is None:
        return (
            None,
            f"This API server does not have the file {name} in the bundle of the Dag.",
        )
    try:
        pipeline = _pipeline(path, logical_id or None)
    except (DefinitionError, OSError):
        # Its findings, which may quote it, are shown where the Dag is made.
        return None, f"The file {name} cannot be used as it is now."
    if pipeline is None:
        return None, f"The file {name} is no pipeline definition as it is now."
    return masked_document(pipeline, Masking(read_settings().not_secret).is_secret), None


def _path(model: DagModel, name: str) -> Path | None:
    """The file, within the bundle of the Dag alone: what a Dag says of a path is not to be trusted."""
    try:
        root = Path(DagBundlesManager().get_bundle(model.bundle_name).path).resolve()
    except Exception as error:  # noqa: BLE001 # a bundle's own class, which may need what is not here
        log.info("The bundle %s is not in reach: %s", model.bundle_name, error)
        return None
    if model.relative_fileloc is None:
        return None
    path = (root / model.relative_fileloc).parent.joinpath(name).resolve()
    return path if path.is_relative_to(root) and path.suffix in ENDINGS and path.is_file() else None


def _pipeline(path: Path, logical_id: str | None) -> Pipeline | None:
    """The pipeline of a file; nothing of a file that is no definition is shown."""
    for found in definitions_in(path, path.name):
        if logical_id is None or (found.excerpt is not None and found.excerpt.logical_id == logical_id):
            return read_definition(found.definition, source=path.name)
    return None


def _requests(dag: SerializedDAG) -> dict[str, Any]:
    """The requests of the steps as they are stored with the Dag, their secrets masked."""
    found = {task.task_id: getattr(task, "request", None) for task in dag.tasks}
    return {task_id: request for task_id, request in found.items() if request is not None}
