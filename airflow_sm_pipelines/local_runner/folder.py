"""The folder of one job, and the folder that an endpoint has its jobs in.

A job's folder has ``root``, which is the job's ``/``, and ``control``, which holds what starts it. No path that a
request, an object's key or a link of the job names leads out of ``root``.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import posixpath
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TextIO

MAX_LINKS = 40
LOCK, KEPT = ".lock", ".kept"
# What opening a file says that the job has taken away or replaced since it was found.
GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)


class JobFolder:
    """``path`` on this machine; what is below its ``root`` is what the job sees as ``/``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = path / "root"
        self.control = path / "control"
        self.root.mkdir(parents=True)
        self.control.mkdir()

    def inside(self, path: str) -> Path:
        """Where a path of the job's is on this machine. ``..`` stops at the root."""
        return self.root / posixpath.normpath(f"/{path}").lstrip("/")

    def make(self, path: str) -> Path:
        """A folder of the job's, made if need be."""
        folder = self.inside(path)
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def write(self, path: str, content: bytes) -> None:
        """A file of the job's, with the folders above it."""
        file = self.inside(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def write_json(self, path: str, value: Any) -> None:
        """The same for JSON."""
        self.write(path, json.dumps(value).encode())

    def real(self, path: Path) -> Path | None:
        """What a path below ``root`` is after its links, as the job follows them; ``None`` where that is nothing.

        A job may have left a link to ``/etc``: to the job that was its own ``/etc``, and to us it is nothing else.
        """
        parts = list(path.relative_to(self.root).parts)
        current, links = self.root, 0
        while parts:
            part = parts.pop(0)
            if part == "..":
                current = current if current == self.root else current.parent
                continue
            following = current / part
            if following.is_symlink():
                links += 1
                if links > MAX_LINKS:
                    return None
                try:
                    target = following.readlink()
                except OSError:  # no link any more: the job runs
                    return None
                # The first part of "//a" is "//": it must not be joined, or it would be this machine's root.
                names = [each for each in target.parts if each.strip("/")]
                if target.is_absolute():
                    # In the isolation by paths a job sees the folder's own path.
                    whole = Path("/", *names)
                    names = list(whole.relative_to(self.root).parts) if whole.is_relative_to(self.root) else names
                    current = self.root
                parts = [*names, *parts]
                continue
            current = following
        return current if current.is_relative_to(self.root) and current.exists() else None

    @contextlib.contextmanager
    def opened(self, file: Path) -> Iterator[BinaryIO | None]:
        """A file that :meth:`files` or :meth:`real` has found, open for reading, also while the job runs.

        ``None`` where it is no regular file of the job's any more: the job has taken it away, or has put a link, a pipe
        or something else in its place. Raises ``OSError`` for a file that may not be read.
        """
        try:
            # Without O_NONBLOCK, opening a pipe waits for who writes into it.
            number = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in GONE:
                raise
            yield None
            return
        with open(number, "rb") as stream:  # noqa: PTH123 # it is open already
            yield stream if self._is_ours(number) else None

    def _is_ours(self, number: int) -> bool:
        """Whether an open file is a regular one below ``root``. O_NOFOLLOW looks at the last part of a path only."""
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return False
        if sys.platform != "linux":
            return True
        return Path(f"/proc/self/fd/{number}").readlink().is_relative_to(self.root.resolve())

    def read_text(self, path: str, longest: int) -> str:
        """The beginning of a file that the job may have written, ``longest`` bytes at most; empty without one."""
        file = self.real(self.inside(path))
        if file is None:
            return ""
        with self.opened(file) as stream:
            return "" if stream is None else stream.read(longest).decode("utf-8", "replace")

    def files(self, path: str) -> Iterator[tuple[str, Path]]:
        """The files below a folder of the job's: their path below it, and where they are."""
        start = self.real(self.inside(path))
        if start is None or not start.is_dir():
            return
        for above, folders, names in os.walk(start):
            folders.sort()
            for name in sorted(names):
                found = Path(above, name)
                real = self.real(found)
                if real is not None and real.is_file():
                    yield found.relative_to(start).as_posix(), real

    def remove(self) -> None:
        """Take it away, also what the job has made unreadable."""
        remove_tree(self.path)


class FolderError(Exception):
    """Jobs cannot be in that folder; the message says why."""


class Workplace:
    """The folder that one endpoint has its jobs in; it holds a lock as long as the endpoint lives.

    Raises :class:`FolderError` where ``base`` is not a folder of this user's that only this user may change.
    """

    def __init__(self, base: Path) -> None:
        base.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_own(base)
        # Another endpoint that starts now must not take away what is made here and has no lock yet.
        with (base / LOCK).open("a") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            sweep(base)
            self.path = Path(tempfile.mkdtemp(prefix="endpoint-", dir=base))
            self._lock: TextIO = (self.path / LOCK).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)

    def folder(self, name: str) -> JobFolder:
        """A new folder for a job of that name."""
        return JobFolder(Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.path)))

    def keep(self) -> None:
        """Leave what is there when the endpoint ends, and at the next start."""
        (self.path / KEPT).touch()

    def close(self) -> None:
        """Take away all that is not kept."""
        if not (self.path / KEPT).exists():
            remove_tree(self.path)
        self._lock.close()


def default_base() -> Path:
    """Where endpoints of this user have their jobs, if no setting says otherwise."""
    return Path(tempfile.gettempdir(), f"sm-pipelines-jobs-{os.getuid()}")


def _check_own(base: Path) -> None:
    """In a shared temporary folder, another user may have made the folder first, or a link of that name."""
    about = base.lstat()
    if not stat.S_ISDIR(about.st_mode):
        raise FolderError(f"{base} is no folder, but a link or a file; give the folder itself")
    if about.st_uid != os.getuid():
        raise FolderError(f"{base} belongs to another user (uid {about.st_uid}); give a folder of your own")
    if about.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise FolderError(f"{base} is open to other users (mode {stat.S_IMODE(about.st_mode):o}): chmod 700 {base}")


def sweep(base: Path) -> None:
    """Take away what endpoints have left that were killed."""
    for folder in base.glob("endpoint-*"):
        if (folder / KEPT).exists():
            continue
        with contextlib.suppress(OSError), (folder / LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(folder)


def remove_tree(path: Path) -> None:
    """Remove a folder. A job may have taken its own rights to folders away; they are given back first."""
    for above, folders, _ in os.walk(path):
        for name in folders:
            folder = Path(above, name)
            if not folder.is_symlink():
                with contextlib.suppress(OSError):
                    folder.chmod(0o700)
    shutil.rmtree(path, ignore_errors=True)
