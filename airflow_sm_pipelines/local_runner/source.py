"""The user's scripts: a ``sourcedir.tar.gz`` that the SDK has made, and the requirements that stand in it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from airflow_sm_pipelines.local_runner.folder import JobFolder

SOURCE_ARCHIVE = "sourcedir.tar.gz"
REQUIREMENTS = "requirements.txt"


def unpacked_requirements(folder: JobFolder, paths: Iterable[str]) -> Path | None:
    """The requirements file of a job's code, ready to be installed; ``None`` without one.

    A framework processor's ``runproc.sh`` unpacks the archive and calls pip while the job runs, where it may have no
    network. So they are installed before, and pip then finds that they are.
    """
    for path in paths:
        packed = folder.inside(path) / SOURCE_ARCHIVE
        if packed.is_file():
            return _from_archive(packed, folder.control / REQUIREMENTS)
    return None


def rewrite_archive(packed: Path, suffixes: tuple[str, ...], change: Callable[[bytes], bytes]) -> None:
    """Change the content of an archive's files of these suffixes; what is no archive stays as it is."""
    changed = io.BytesIO()
    try:
        with (
            tarfile.open(fileobj=io.BytesIO(packed.read_bytes()), mode="r:*") as before,
            tarfile.open(fileobj=changed, mode="w:gz") as after,
        ):
            for entry in before:
                content = before.extractfile(entry) if entry.isfile() else None
                if content is None:
                    after.addfile(entry)
                    continue
                body = content.read()
                body = change(body) if entry.name.endswith(suffixes) else body
                entry.size = len(body)
                after.addfile(entry, io.BytesIO(body))
    except (tarfile.TarError, OSError, EOFError):
        return
    packed.write_bytes(changed.getvalue())


def _from_archive(packed: Path, target: Path) -> Path | None:
    try:
        with tarfile.open(fileobj=io.BytesIO(packed.read_bytes()), mode="r:*") as archived:
            for entry in archived:
                if entry.name.removeprefix("./") == REQUIREMENTS and entry.isfile():
                    content = archived.extractfile(entry)
                    if content is not None:
                        target.write_bytes(content.read())
                        return target
    except (tarfile.TarError, OSError, EOFError):
        return None  # the job's own tar will say what is wrong with it
    return None
