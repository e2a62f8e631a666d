"""Hosts that share an object store, each with a file system that remembers its listings, as s3fs does."""

from __future__ import annotations

import itertools
from typing import Any

from airflow.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped] # it has no types

_numbers = itertools.count(1)


class Remembering(MemoryFileSystem):  # type: ignore[misc] # it has no types
    """Lists a folder once, and answers from that until it is told to forget. The objects are those of the process."""

    cachable = False

    def ls(self, path: str, detail: bool = True, **kwargs: Any) -> Any:
        path = self._strip_protocol(path)
        if path not in self.dircache:
            try:
                self.dircache[path] = super().ls(path, detail=True, **kwargs)
            except FileNotFoundError:
                # An object store has no folders: that nothing lies there is remembered, too.
                self.dircache[path] = []
        found = self.dircache[path]
        return found if detail else [each["name"] for each in found]

    def info(self, path: str, **kwargs: Any) -> dict[str, Any]:
        path = self._strip_protocol(path)
        for each in self.ls(self._parent(path)):
            if each["name"] == path:
                return dict(each)
        raise FileNotFoundError(path)

    def exists(self, path: str, **kwargs: Any) -> bool:
        try:
            self.info(path, **kwargs)
        except FileNotFoundError:
            return False
        return True

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **kwargs: Any) -> Any:
        return super().cat_file(path, start, self.info(path)["size"] if end is None else end, **kwargs)

    def _open(self, path: str, mode: str = "rb", *args: Any, **kwargs: Any) -> Any:
        if "r" in mode:
            self.info(path)
        return super()._open(path, mode, *args, **kwargs)

    def invalidate_cache(self, path: str | None = None) -> None:
        self.dircache.clear()


def one_more_host(bucket: str) -> ObjectStoragePath:
    """The store in a bucket as a host sees it that nobody else is."""
    name = f"host{next(_numbers)}"
    attach("memory", name, fs=Remembering())
    return ObjectStoragePath(f"memory://{name}@{bucket}/store")
