"""The bytes of a file with settings: of a regular file, no more than such a file may have, and none from elsewhere."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from airflow_sm_pipelines.sidecars.yaml_tree import MAX_BYTES


def content_of(path: Path, root: Path | None = None) -> bytes:
    """The file, or as much of it as shows that it is too large.

    :param root: the folder that a link has to stay in: findings show what a file says, so that a link to any other
        file of this machine would show it
    :raises OSError: where it cannot be read, or is not to be
    """
    real = os.path.realpath(path)
    if root is not None and Path(os.path.realpath(root)) not in Path(real).parents:
        raise OSError("it is a link to what lies outside the folder of the definitions")
    # The file is judged when it is open, and without waiting: a pipe has nobody at its other end.
    with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no file")
        return file.read(MAX_BYTES + 1)
