"""What a bundle holds at one time: its files, and a version that is a hash of them."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.store.atomic import write_atomically

VERSION = re.compile(r"[0-9a-f]{40}")
_PATH = re.compile(r"(pipelines/)?[a-zA-Z0-9][-_a-zA-Z0-9]*\.(json|py)")


class SnapshotError(ValueError):
    """What is stored is no snapshot, or not that of its version."""


class Snapshot(Struct, frozen=True, dict=True, forbid_unknown_fields=True):
    """``files`` are texts by their paths below the bundle, such as ``pipelines/abalone.json``."""

    files: Mapping[str, str]

    @cached_property
    def version(self) -> str:
        """A hash of all files, in hex: equal files have equal versions, on any host."""
        return hashlib.sha256(self.encode()).hexdigest()[:40]

    def encode(self) -> bytes:
        """The stored form, of which the version is the hash."""
        return msgspec.json.encode(self, order="deterministic")

    @classmethod
    def decode(cls, data: bytes, version: str) -> Snapshot:
        """The snapshot of a version.

        :raises SnapshotError: for anything else, so that nobody runs half of a version, or another one
        """
        try:
            snapshot = msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise SnapshotError(f"the stored version {version} cannot be read: {error}") from None
        if snapshot.version != version:
            raise SnapshotError(f"what is stored as the version {version} is the version {snapshot.version}")
        return snapshot

    def write(self, folder: Path) -> bool:
        """Let a folder have these files and no other, and say whether that changed it.

        Each file is there whole at any time, and one that is as it should be is not touched.

        :raises SnapshotError: for a path that no bundle has
        """
        (folder / "pipelines").mkdir(parents=True, exist_ok=True)
        there = {
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if (path.is_symlink() or not path.is_dir()) and path.parent.name != "__pycache__"
        }
        is_changed = False
        for name, text in self.files.items():
            if _PATH.fullmatch(name) is None:
                raise SnapshotError(f"no bundle has a file {name!r}")
            path, data = folder / name, text.encode()
            if path.is_symlink() or not path.is_file() or path.read_bytes() != data:
                write_atomically(path, data)
                is_changed = True
        for name in there - self.files.keys():
            (folder / name).unlink(missing_ok=True)
            is_changed = True
        return is_changed

    def write_new(self, folder: Path) -> None:
        """Make a folder that has these files; it is there whole, or not at all."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
        try:
            beside.chmod(0o755)
            self.write(beside)
            beside.rename(folder)
        except BaseException:
            shutil.rmtree(beside, ignore_errors=True)
            raise
