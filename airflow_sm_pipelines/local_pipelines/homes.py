"""The homes of runs: each has one of its own, so that any number go on at once, and knows what came before it.

A run that begins gets a copy of the database of a run that has ended. So the step cache finds earlier results, and a
selective execution its source; and to copy Airflow's tables takes less time than to make them.
"""

from __future__ import annotations

import contextlib
import itertools
import shutil
import sqlite3
from pathlib import Path

DATABASE = "airflow.db"
# As the process of a run leaves it where the tables are made.
MADE = "migrated"


class Homes:
    """Homes below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers = itertools.count(1)

    def new(self, after: Path | None) -> Path:
        """A home with what there is in that of a run that has ended."""
        home = self._root / f"run-{next(self._numbers)}"
        home.mkdir(parents=True)
        if after is not None and (after / MADE).exists():
            with contextlib.closing(sqlite3.connect(after / DATABASE)) as database:
                # Part of it may still stand in the write-ahead log.
                database.execute("VACUUM INTO ?", [str(home / DATABASE)])
            (home / MADE).touch()
        return home

    def remove(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self._root, ignore_errors=True)
