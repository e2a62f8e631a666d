"""The folder that a run lives in: it is one run's at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK = "lock"


class HomeTakenError(Exception):
    """Another run lives there."""


@contextmanager
def taken(home: Path) -> Iterator[int]:
    """Take a home, before anything in it is changed.

    It stays taken by each process that has inherited the number that this yields, for as long as one of them lives.

    :raises HomeTakenError: where a process of another run has it
    """
    held = os.open(home / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeTakenError(f"another run has the folder {home}") from None
        yield held
    finally:
        os.close(held)
