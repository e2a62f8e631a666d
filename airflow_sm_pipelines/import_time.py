"""The time that Airflow gives the import of a dags file, beyond which it drops every Dag of that file."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

WARNED_FROM: Final = 0.5
STOPPED_FROM: Final = 0.8
"""The last fifth is left to the definition that is under way, and to what else the file does."""
OPTION: Final = "[core] dagbag_import_timeout"
REMEDY: Final = (
    "Split the folder: several dags files, each of which calls load_dags for a part of it, by subfolders or by the"
    f" argument pattern; or raise {OPTION}"
)


class ImportTime:
    """How much of a dags file's import time is used.

    :param limit: the time-out in seconds; 0 or less is none, as Airflow has it
    :param used: the seconds since the import of the file began
    """

    def __init__(self, limit: float, used: Callable[[], float]) -> None:
        self.limit = limit
        self.used = used
        self._is_over = False

    def is_left(self) -> bool:
        """Whether there is time to begin one more definition. Once it is over, it stays so."""
        self._is_over = self._is_over or (self.limit > 0 and self.used() >= STOPPED_FROM * self.limit)
        return not self._is_over

    @property
    def stopped(self) -> bool:
        """Whether :meth:`is_left` has said that no time is left."""
        return self._is_over

    def warn(self, folder: Path, dags_file: Path, built: int) -> None:
        """Say in the log that a folder, of which so many definitions were built, has taken half of the time or more."""
        used = self.used()
        if self.limit <= 0 or used < WARNED_FROM * self.limit:
            return
        log.warning(
            "%s: %.1f s of the %g s that %s gives the dags file %s were used when %d definitions were built%s. %s",
            folder,
            used,
            self.limit,
            OPTION,
            dags_file.name,
            built,
            ", and the others are left out" if self.stopped else ". Beyond it all Dags of that file are lost",
            REMEDY,
        )


def unlimited() -> ImportTime:
    """For a process that builds one Dag."""
    return ImportTime(0, lambda: 0)


def import_time_of(path: str) -> ImportTime:
    """The import time of the dags file at a path, which is being imported.

    The limit is what Airflow's importer asks for: the option, or what ``get_dagbag_import_timeout`` of the deployment's
    ``airflow_local_settings`` says of the file. Airflow keeps it by the process's timer, which also shows what
    the imports of the file and earlier calls of ``load_dags`` in it have taken. Without that timer the time counts
    from here.
    """
    # Not in the SDK, but the only way to ask the deployment's policy; it is what Airflow's own importer calls.
    from airflow.settings import get_dagbag_import_timeout

    limit = float(get_dagbag_import_timeout(path))
    began, left = time.monotonic(), signal.getitimer(signal.ITIMER_REAL)[0]
    before = limit - left if 0 < left <= limit else 0.0
    return ImportTime(limit, lambda: before + time.monotonic() - began)
