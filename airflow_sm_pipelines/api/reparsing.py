"""Lets the dag-processor read a store again at once, as the button *Reparse Dag* of the web UI does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.models.dagbag import DagPriorityParsingRequest
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from airflow_sm_pipelines.store.api_bundle import StoredPipelinesDagBundle
from airflow_sm_pipelines.store.loader_file import NAME
from airflow_sm_pipelines.store.snapshot_bundle import LOADER

log = logging.getLogger(__name__)

SECONDS_BETWEEN_REQUESTS = 4.0


def _session() -> AbstractContextManager[Session]:
    return create_session(scoped=False)


class Reparsing:
    """The dags file of a store, as its bundle calls it.

    :param bundle: the name of the bundle, None where the folder is in none
    :param file: the path of the dags file in it
    :param session: a session that is committed at its end
    """

    def __init__(
        self,
        bundle: str | None,
        file: str,
        clock: Callable[[], float] = time.monotonic,
        session: Callable[[], AbstractContextManager[Session]] = _session,
    ) -> None:
        self._bundle = bundle
        self._file = file
        self._clock = clock
        self._session = session
        self._asked: dict[str, float] = {}

    @property
    def file(self) -> tuple[str | None, str]:
        """The bundle and the dags file."""
        return self._bundle, self._file

    @classmethod
    def of_folder(cls, folder: Path) -> Reparsing:
        """For a folder that lies in the folder of a bundle."""
        file = folder.resolve() / NAME
        for bundle in DagBundlesManager().get_all_dag_bundles():
            root = Path(bundle.path).resolve()
            if file.is_relative_to(root):
                return cls(bundle.name, file.relative_to(root).as_posix())
        log.error(
            "The folder %s of the SageMaker Pipelines API is in no Dag bundle of this Airflow: no Dag will be made of"
            " its pipelines. Set [sagemaker_pipelines] pipelines_api_store to a folder below that of a bundle.",
            folder,
        )
        return cls(None, "")

    @classmethod
    def of_store(cls, url: str) -> Reparsing:
        """For an object store, whose bundle is one of :class:`StoredPipelinesDagBundle`."""
        for bundle in DagBundlesManager().get_all_dag_bundles():
            if isinstance(bundle, StoredPipelinesDagBundle) and bundle.store == url:
                return cls(bundle.name, LOADER)
        log.error(
            "No Dag bundle of this Airflow reads %s: no Dag will be made of the pipelines of the SageMaker Pipelines"
            " API. Add one to [dag_processor] dag_bundle_config_list, of the class"
            " airflow_sm_pipelines.store.api_bundle.StoredPipelinesDagBundle.",
            url,
        )
        return cls(None, "")

    def __call__(self, changed: str) -> None:
        """Ask for it, since a file of the store has changed. To ask for the same one again soon changes nothing.

        What has changed is written already, and the dag-processor reads it in its own time, too: so a database that
        cannot be asked is logged only.
        """
        now = self._clock()
        if self._bundle is None or now - self._asked.get(changed, float("-inf")) < SECONDS_BETWEEN_REQUESTS:
            return
        try:
            self._ask(self._bundle)
        except IntegrityError:
            log.debug("Another process has asked for %s at the same moment", self._file)
        except SQLAlchemyError:
            log.exception("The dag-processor could not be asked to read %s at once", self._file)
            return
        self._asked[changed] = now

    def _ask(self, bundle: str) -> None:
        there = select(DagPriorityParsingRequest.id).where(
            DagPriorityParsingRequest.bundle_name == bundle,
            DagPriorityParsingRequest.relative_fileloc == self._file,
        )
        with self._session() as session:
            if session.scalar(there) is None:
                session.add(DagPriorityParsingRequest(bundle_name=bundle, relative_fileloc=self._file))
