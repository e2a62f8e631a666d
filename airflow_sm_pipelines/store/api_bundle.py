"""The Dag bundle of the pipelines that came by the API into an object store: for Airflows on several hosts."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import ObjectStoragePath
from typing_extensions import override

from airflow_sm_pipelines.settings import SettingError, setting
from airflow_sm_pipelines.store.loader_file import loader_text
from airflow_sm_pipelines.store.object_storage import ObjectFiles
from airflow_sm_pipelines.store.pipelines import documents_in
from airflow_sm_pipelines.store.snapshot import Snapshot
from airflow_sm_pipelines.store.snapshot_bundle import DEFINITIONS, LOADER, SnapshotDagBundle

log = logging.getLogger(__name__)

VERSIONS = ".bundle"


class StoredPipelinesDagBundle(SnapshotDagBundle):
    """The pipelines of the SageMaker Pipelines API, as Dags, where its store is an object store.

    It is a versioned bundle: a run keeps the definitions that it began with, whatever is upserted meanwhile.

    :param store: the URL of the store, by default ``[sagemaker_pipelines] pipelines_api_store``
    :raises SettingError: where neither is a URL
    """

    def __init__(self, *, store: str | None = None, **kwargs: Any) -> None:
        self.store = store or setting("pipelines_api_store") or ""
        if "://" not in self.store:
            raise SettingError(
                f"The store of the bundle {kwargs.get('name')!r} is {self.store!r}, and no URL of an object store: set"
                " [sagemaker_pipelines] pipelines_api_store. A folder needs no bundle of its own."
            )
        super().__init__(storage=f"{self.store.rstrip('/')}/{VERSIONS}", **kwargs)

    @override
    def look(self) -> Snapshot | None:
        """What is in the store; None where it cannot be read."""
        try:
            documents = documents_in(ObjectFiles(ObjectStoragePath(self.store)))
            files = {f"{DEFINITIONS}/{name}": content.decode() for name, content in documents.items()}
        except Exception:
            # Whatever the file system behind the URL raises: the Dags stay as they were.
            log.exception("The bundle %s stays as it was: %s cannot be read", self.name, self.store)
            return None
        paused = False if setting("pipelines_api_unpaused") else None
        return Snapshot({LOADER: loader_text(paused, DEFINITIONS), **files})
