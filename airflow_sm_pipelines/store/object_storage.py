"""The files of a store in an object store, by Airflow's ObjectStoragePath: for API servers on several hosts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath


class ObjectFiles:
    """The objects below a path, such as ``s3://aws_default@bucket/pipelines``: the connection stands before the ``@``.

    An object store has an object whole, or as it was. What it lacks is a lock over hosts: two API servers that write
    the same pipeline at the same moment both keep their version, and the one that writes last is the current one.
    """

    def __init__(self, root: ObjectStoragePath) -> None:
        self.root = root
        self._lock = threading.Lock()

    def read(self, path: str) -> bytes | None:
        try:
            return as_it_is_now(self.root / path).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        writable(self.root / path).write_bytes(content)

    def create(self, path: str, content: bytes) -> bool:
        target = as_it_is_now(writable(self.root / path))
        if target.exists():
            return False
        try:
            # S3 and its like then refuse to replace an object that another host has just put there.
            target.fs.pipe_file(target.path, content, mode="create")
        except FileExistsError:
            return False
        return True

    def delete(self, path: str) -> None:
        as_it_is_now(self.root / path).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(each.name for each in as_it_is_now(self.root / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []

    @contextmanager
    def lock(self) -> Iterator[None]:
        with self._lock:
            yield


def as_it_is_now(target: ObjectStoragePath) -> ObjectStoragePath:
    """A path that is read anew: file systems of fsspec remember listings, and another host may have written since."""
    target.fs.invalidate_cache()
    return target


def writable(target: ObjectStoragePath) -> ObjectStoragePath:
    """A path at which an object can be put: an object store needs no folders for that, and a file system does."""
    if target.protocol == "file":
        target.parent.mkdir(parents=True, exist_ok=True)
    return target
