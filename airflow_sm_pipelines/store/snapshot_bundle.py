"""What Dag bundles have in common whose versions are snapshots: stored before a run can need them, read by workers."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion
from airflow.sdk.exceptions import AirflowException
from typing_extensions import override

from airflow_sm_pipelines.store.snapshot import SnapshotError
from airflow_sm_pipelines.store.snapshots import Snapshots

if TYPE_CHECKING:
    from airflow_sm_pipelines.store.snapshot import Snapshot

log = logging.getLogger(__name__)

LOADER = "sagemaker_pipelines.py"
DEFINITIONS = "pipelines"


class SnapshotDagBundle(BaseDagBundle):
    """A bundle of definitions in the folder ``pipelines``, and of the loader file beside it.

    :param storage: where versions are stored: a folder that all hosts see, or a URL such as
        ``s3://aws_default@bucket/folder``. By default a folder of this host, which is enough where all runs on one
    """

    supports_versioning = True

    def __init__(self, *, storage: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._snapshots = Snapshots(str(self.base_dir / "stored") if storage is None else storage)
        self._current: str | None = self.version

    def look(self) -> Snapshot | None:
        """What there is now, None where that is not known."""
        raise NotImplementedError

    def resume(self, latest: Snapshot) -> Snapshot:
        """What a process begins with that finds a snapshot of an earlier one."""
        return latest

    @property
    @override
    def path(self) -> Path:
        """Where the files are: of the version that the bundle was made for, else of the last good one."""
        return self.base_dir / "current" if self.version is None else self.versions_dir / self.version

    @override
    def initialize(self) -> None:
        """Put the files in place that are stored."""
        with self.lock():
            if self.version is None:
                self._take_latest()
            elif not self.path.is_dir():
                self._stored(self.version).write_new(self.path)
        super().initialize()

    @override
    def get_current_version(self) -> BundleVersion | None:
        """The hash of all files: of the loader file, and of each definition."""
        return None if self._current is None else BundleVersion(self._current)

    @override
    def refresh(self) -> None:
        """Look, store what is new, and put it in place. Where that is not known, all stays as it was.

        :raises AirflowException: for a bundle that was made for one version
        """
        if self.version is not None:
            raise AirflowException(f"The bundle {self.name!r} of the version {self.version} cannot be refreshed")
        # Not under the lock: a worker of this host need not wait.
        snapshot = self.look()
        if snapshot is None:
            return
        with self.lock():
            # Stored before anybody can hear of the version.
            self._snapshots.put(snapshot)
            self._put_in_place(snapshot)

    def _take_latest(self) -> None:
        """The last good files, so that an outage at the start of a process takes no Dag away."""
        try:
            latest = self._snapshots.latest()
        except SnapshotError as error:
            log.error("The bundle %s waits for its first refresh: %s", self.name, error)
            latest = None
        if latest is None:
            # What a process of before has left here stays until the first refresh.
            self.path.mkdir(parents=True, exist_ok=True)
            return
        self._put_in_place(self.resume(latest))

    def _put_in_place(self, snapshot: Snapshot) -> None:
        if snapshot.write(self.path) and LOADER in snapshot.files:
            # The dag-processor parses a file at once that was changed, and this one has all the Dags.
            os.utime(self.path / LOADER)
        self._current = snapshot.version

    def _stored(self, version: str) -> Snapshot:
        found = self._snapshots.get(version)
        if found is None:
            raise FileNotFoundError(
                f"The version {version} of the bundle {self.name!r} is not in {self._snapshots.root}: storage has to be"
                " a place that the dag-processor and all workers see, and what is there must not be removed while"
                " runs need it"
            )
        return found
