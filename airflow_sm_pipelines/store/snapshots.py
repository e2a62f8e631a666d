"""Where the versions of a bundle are stored, so that workers on any host can read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from airflow_sm_pipelines.store.atomic import write_atomically
from airflow_sm_pipelines.store.object_storage import as_it_is_now, writable
from airflow_sm_pipelines.store.snapshot import VERSION, Snapshot, SnapshotError

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath

_LATEST = "latest"


class Snapshots:
    """A folder, or a path of an object store, with an object for each version, and the name of the last good one.

    :param root: a path of the host, or a URL such as ``s3://aws_default@bucket/folder`` (Airflow's ObjectStoragePath)
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._opened: Path | ObjectStoragePath | None = None

    def get(self, version: str) -> Snapshot | None:
        """The snapshot of a version, or None where it is not stored.

        :raises SnapshotError: where what is stored is not that version
        :raises OSError: where the storage cannot be read
        """
        if VERSION.fullmatch(version) is None:
            raise SnapshotError(f"{version!r} is no version of such a bundle")
        try:
            return Snapshot.decode(self._path(f"{version}.json").read_bytes(), version)
        except FileNotFoundError:
            return None

    def latest(self) -> Snapshot | None:
        """The last good snapshot, or None where there is none yet.

        :raises SnapshotError: where its name is there, and it is not
        """
        version = self._latest()
        if version is None:
            return None
        found = self.get(version)
        if found is None:
            raise SnapshotError(f"{self.root} has the name of the version {version}, and not the version itself")
        return found

    def put(self, snapshot: Snapshot) -> None:
        """Store a snapshot, and let it be the last good one. It can be read before its name can."""
        path = self._path(f"{snapshot.version}.json")
        if not path.exists():
            self._write(path, snapshot.encode())
        if self._latest() != snapshot.version:
            self._write(self._path(_LATEST), f"{snapshot.version}\n".encode())

    def _latest(self) -> str | None:
        try:
            return self._path(_LATEST).read_bytes().decode("ascii", "replace").strip()
        except FileNotFoundError:
            return None

    def _path(self, name: str) -> Path | ObjectStoragePath:
        if self._opened is None:
            self._opened = _opened(self.root)
        path = self._opened / name
        return path if isinstance(path, Path) else as_it_is_now(path)

    @staticmethod
    def _write(path: Path | ObjectStoragePath, data: bytes) -> None:
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, data)
        else:
            # An object store has an object whole, or as it was.
            writable(path).write_bytes(data)


def _opened(root: str) -> Path | ObjectStoragePath:
    if "://" not in root:
        return Path(root)
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(root)
