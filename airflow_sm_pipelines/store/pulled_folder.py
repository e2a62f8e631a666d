"""A folder of pulled definitions: which of its files pull has written, and what another pull changes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from airflow_sm_pipelines.store.atomic import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = ".sm-pipelines-pull.json"
"""Hidden, so that nothing takes it for a definition."""

_FILE = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*\.json")
_MAX_STEM_LENGTH = 200
_VERSION = 1


class FolderError(ValueError):
    """A folder that cannot be pulled into, and why."""


class _Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """The files that pull has written, by name, each with the SHA-256 of what it wrote, in hex."""

    version: int
    files: dict[str, str]


class State(Enum):
    """What a pull makes of a file."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REMOVED = "removed"
    KEPT = "kept"


class FileChange(Struct, frozen=True):
    """One file of the folder: what becomes of it, and why it is kept where it is."""

    name: str
    state: State
    reason: str | None = None
    data: bytes | None = None


def file_name(pipeline: str) -> str:
    """The file of a pipeline. It is one name without a folder, whatever SageMaker says; a long one is cut.

    :raises ValueError: for what no pipeline can be called
    """
    name = f"{pipeline}.json"
    if _FILE.fullmatch(name) is None:
        raise ValueError(f"{pipeline!r} is no name of a pipeline")
    if len(pipeline) > _MAX_STEM_LENGTH:
        # File systems take 255 bytes, SageMaker 256 characters.
        digest = hashlib.sha256(pipeline.encode()).hexdigest()[:16]
        name = f"{pipeline[:_MAX_STEM_LENGTH]}-{digest}.json"
    return name


class PulledFolder:
    """A folder that one pull at a time writes into.

    :param path: the folder; it need not be there yet
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def changes(
        self,
        contents: Mapping[str, bytes],
        *,
        prune: bool = False,
        unknown: Collection[str] = (),
        overwrite: bool = False,
    ) -> list[FileChange]:
        """What a pull of these files would do, by name; nothing is written.

        :param contents: what the files hold, by their names
        :param prune: whether files that an earlier pull has written go, where they are not among these
        :param unknown: names of files of which nothing could be learned: they stay as they are
        :param overwrite: whether files that pull has not written, or that were edited since, give way
        :raises FolderError: where the list of what pull has written cannot be read
        """
        known = self._manifest().files
        found = [self._change(name, data, known.get(name), overwrite=overwrite) for name, data in contents.items()]
        if prune:
            gone = known.keys() - contents.keys() - set(unknown)
            found += [change for name in gone if (change := self._removal(name, known[name], overwrite=overwrite))]
        return sorted(found, key=lambda change: change.name)

    def apply(self, changes: Collection[FileChange]) -> None:
        """Do it: each file is there whole at any time, and one that does not change is not touched."""
        files = dict(self._manifest().files)
        for change in changes:
            if change.state is State.REMOVED:
                (self.path / change.name).unlink(missing_ok=True)
                files.pop(change.name, None)
            elif change.data is not None:
                if change.state is not State.UNCHANGED:
                    write_atomically(self.path / change.name, change.data)
                files[change.name] = _digest(change.data)
        files = {name: digest for name, digest in files.items() if (self.path / name).is_file()}
        if files != self._manifest().files:
            write_atomically(self.path / MANIFEST, msgspec.json.format(msgspec.json.encode(_Manifest(_VERSION, files))))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Make the folder, and keep other pulls off it."""
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _change(self, name: str, data: bytes, written: str | None, *, overwrite: bool) -> FileChange:
        path = self.path / name
        if path.is_symlink() or not path.exists():
            there = None
        elif path.is_file():
            there = path.read_bytes()
        else:
            return FileChange(name, State.KEPT, "it is no file")
        if there == data:
            return FileChange(name, State.UNCHANGED, data=data)
        if there is None:
            is_link = path.is_symlink()
            if is_link and not overwrite:
                return FileChange(name, State.KEPT, "it is a link, which pull has not made")
            return FileChange(name, State.CHANGED if is_link else State.NEW, data=data)
        if not overwrite and (reason := _not_ours(there, written)):
            return FileChange(name, State.KEPT, reason)
        return FileChange(name, State.CHANGED, data=data)

    def _removal(self, name: str, written: str, *, overwrite: bool) -> FileChange | None:
        path = self.path / name
        if not path.is_file() or path.is_symlink():
            # It is gone already, or something else is in its place, which stays.
            return None
        reason = None if overwrite else _not_ours(path.read_bytes(), written)
        return FileChange(name, State.KEPT, reason) if reason else FileChange(name, State.REMOVED)

    def _manifest(self) -> _Manifest:
        path = self.path / MANIFEST
        try:
            found = msgspec.json.decode(path.read_bytes(), type=_Manifest)
        except FileNotFoundError:
            return _Manifest(_VERSION, {})
        except msgspec.DecodeError as error:
            raise FolderError(f"{path} is not what pull has written: {error}") from None
        strange = [name for name in found.files if _FILE.fullmatch(name) is None]
        if strange or found.version != _VERSION:
            named = f"the file {strange[0]!r}" if strange else f"the version {found.version}"
            raise FolderError(f"{path} is not what pull has written: it names {named}")
        return found


def _not_ours(there: bytes, written: str | None) -> str | None:
    if written is None:
        return "pull has not written it"
    return None if _digest(there) == written else "it was edited since it was pulled"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
