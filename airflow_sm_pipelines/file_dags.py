"""The Dags of one file with definitions, and of the settings beside it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from airflow_sm_pipelines.dag import SageMakerPipelineDag
from airflow_sm_pipelines.dag_ids import place_of
from airflow_sm_pipelines.definition.findings import DefinitionError, unexpected
from airflow_sm_pipelines.definition.text import storable
from airflow_sm_pipelines.discovery import definitions_in, with_instances
from airflow_sm_pipelines.given_settings import in_python
from airflow_sm_pipelines.operators.masking import Masking
from airflow_sm_pipelines.settings import SettingError, read_settings
from airflow_sm_pipelines.sidecars.folder import FolderSettings
from airflow_sm_pipelines.sidecars.layers import layer_of
from airflow_sm_pipelines.sidecars.names import SidecarFiles

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_sm_pipelines.discovery import DefinitionFile
    from airflow_sm_pipelines.ignored import Ignored
    from airflow_sm_pipelines.naming import DagIds
    from airflow_sm_pipelines.sidecars.layers import Merged

log = logging.getLogger(__name__)

NOTHING: Mapping[str, Any] = {}


class FileDags:
    """The Dags that a file asks for: one for each definition in it and for each instance of that.

    :param root: the folder from which on inwards ``_defaults.airflow.yaml`` count
    :param ignored: files that are none
    """

    def __init__(self, path: Path, root: Path, ignored: Ignored | tuple[Path, ...] = ()) -> None:
        self._root = root
        self._settings = FolderSettings(SidecarFiles(root, ignored, named=path), sidecar_allows(), self._relative)
        relative = self._relative(path)
        found = definitions_in(path, relative, place=place_of(given_dag_ids(), relative))
        self.files: tuple[DefinitionFile, ...] = tuple(
            chain.from_iterable(with_instances(file, self._settings) for file in found)
        )

    def merged(
        self, file: DefinitionFile, source: str, shared: Mapping[str, Any] = NOTHING, own: Mapping[str, Any] = NOTHING
    ) -> Merged:
        """The arguments of one Dag.

        :param source: where ``shared`` and ``own`` come from
        :param shared: what counts for less than the files of settings
        :param own: what counts for more
        """
        beside = self._settings.layers_of(file.path, file.instance, is_shared=file.excerpt is not None)
        first, last = layer_of(source, shared, is_shared=True), layer_of(source, own, is_shared=False)
        return in_python([first, *beside, last])

    def _relative(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def sidecar_allows() -> tuple[str, ...]:
    """What files of settings may set beyond the pipeline."""
    try:
        return read_settings().sidecar_allows
    except SettingError:
        # Every Dag reports it.
        return ()


def given_dag_ids() -> DagIds:
    """What the deployment lets Dags be named after."""
    try:
        return read_settings().dag_ids
    except SettingError:
        # Every Dag reports it.
        return "stem"


def build(file: DefinitionFile, merged: Merged) -> SageMakerPipelineDag | DefinitionError:
    """The Dag of a definition with its arguments, or all that is wrong with them."""
    source = storable(file.name)
    if merged.findings:
        # With half of its settings it would run at another time, on other data, or under another role.
        return DefinitionError(source, merged.findings)
    try:
        dag = SageMakerPipelineDag(
            file.definition, dag_id=file.dag_id, source=source, **{**merged.arguments, "steps": merged.layers}
        )
    except DefinitionError as error:
        return DefinitionError(error.source, merged.located(error.findings))
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
