"""Named files of a store, whatever holds them: what a store needs of a folder or of an object store."""

from __future__ import annotations

import contextlib
import fcntl
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from airflow_sm_pipelines.store.atomic import write_atomically


class Files(Protocol):
    """Files by their path below the store's root. What is written is there as a whole, or not at all."""

    def read(self, path: str) -> bytes | None:
        """The content, None where there is no such file."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Put a file in the place of whatever is there."""
        ...

    def create(self, path: str, content: bytes) -> bool:
        """Put a file where none is; False, and nothing done, where there is one."""
        ...

    def delete(self, path: str) -> None:
        """Remove a file; nothing happens where there is none."""
        ...

    def names(self, folder: str) -> list[str]:
        """The names of what lies directly in a folder, sorted; empty where there is no such folder."""
        ...

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other writers out, as far as what holds the files can."""
        ...


class FolderFiles:
    """The files of a folder on a disk that the API server and the dag-processor both see.

    A file is written beside its place and renamed, so nobody reads half of one. Writers of all processes of the host,
    and of hosts that share the folder by a file system with locks, take turns.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._thread_lock = threading.Lock()

    def read(self, path: str) -> bytes | None:
        try:
            return self._at(path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)

    def create(self, path: str, content: bytes) -> bool:
        target = self._at(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_name(f".{secrets.token_hex(8)}.new")
        write_atomically(made, content)
        try:
            target.hardlink_to(made)
        except FileExistsError:
            return False
        finally:
            made.unlink()
        return True

    def delete(self, path: str) -> None:
        self._at(path).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(path.name for path in self._at(folder).iterdir() if not path.name.startswith("."))
        except FileNotFoundError:
            return []

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with self._thread_lock, (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _at(self, path: str) -> Path:
        return self.root / path
