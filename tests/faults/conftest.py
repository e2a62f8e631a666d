"""One Airflow for the whole matrix; each round is run when the first of its cells is asked for."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.bench import Bench, Round, running_bench
from tests.faults.cells import Cell, Seen
from tests.faults.plan import definitions, rounds, run_round
from tests.faults.table import write_table

EVERY_VARIABLE = "SM_PIPELINES_TEST_FAULTS"
"""Set to ``all`` to run every cell of the matrix and write its table."""
EVERY = os.environ.get(EVERY_VARIABLE) == "all"
PLANNED = rounds(every=EVERY)


class Matrix:
    """The rounds that are planned, and what came of those that were run."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.seen: dict[Cell, Seen] = {}
        self._failed: dict[Round, Exception] = {}

    def look(self, what: Round, cell: Cell) -> Seen:
        """What came of a cell; runs its round where that has not been done."""
        if what in self._failed:
            raise AssertionError(f"the round could not be run to its end: {self._failed[what]}")
        if cell not in self.seen:
            try:
                self.seen.update(run_round(self.bench, what))
            except Exception as error:
                self._failed[what] = error
                raise
        return self.seen[cell]


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    """The matrix on its deployment."""
    with running_bench(tmp_path_factory.mktemp("faults"), definitions(PLANNED)) as bench:
        made = Matrix(bench)
        yield made
        if EVERY:
            write_table(Path(__file__).parents[2] / "docs" / "fault-matrix.md", PLANNED, made.seen)
