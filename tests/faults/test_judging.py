"""The judge of the matrix finds what it is there to find."""

from dataclasses import replace

import pytest

from tests.faults.aws_rows import AWS_ROWS
from tests.faults.bench import Round
from tests.faults.cells import Cell, Column, Expected, Seen
from tests.faults.kill_rows import KILL_ROWS
from tests.faults.plan import cells_of
from tests.faults.table import table

GOOD = Seen(attempts=2, jobs=2, state="success", stopped=0, orphans=0, delays=(2.1,))
WANTED = Expected(attempts=2, jobs=2, delays=(2.0,))
ROWS = (*AWS_ROWS, *KILL_ROWS)


def test_what_is_as_expected_holds() -> None:
    assert GOOD.faults(WANTED) == []


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        (replace(GOOD, attempts=3), "attempts: 3, not 2"),
        (replace(GOOD, jobs=1), "jobs: 1, not 2"),
        (replace(GOOD, state="failed"), "final state: failed, not success"),
        (replace(GOOD, stopped=1), "stopped jobs: 1, not 0"),
        (replace(GOOD, orphans=1), "orphans: 1, not 0"),
        (replace(GOOD, delays=(1.9,)), "delays: [1.9], not at least (2.0,)"),
        (replace(GOOD, delays=()), "delays: [], not at least (2.0,)"),
    ],
)
def test_each_fault_is_told(seen: Seen, told: str) -> None:
    assert seen.faults(WANTED) == [told]


def test_calls_are_counted_where_that_is_asked() -> None:
    assert replace(GOOD, calls=3).faults(replace(WANTED, calls=2)) == ["Create calls: 3, not 2"]
    assert replace(GOOD, calls=2).faults(replace(WANTED, calls=2)) == []


def test_no_two_steps_can_be_taken_for_each_other() -> None:
    steps = [cell.step for cell in cells_of(ROWS, every=True)]
    assert len(set(steps)) == len(steps)
    # A job's name has this many characters of its step's.
    assert max(len(step) for step in steps) <= 20
    assert all(step.isalnum() for step in steps)


def test_one_cell_of_each_row_is_run_in_both_columns() -> None:
    chosen = cells_of(ROWS, every=False)
    assert [cell.row for cell in chosen] == list(ROWS)
    assert {cell.column for cell in chosen} == set(Column)


def test_the_table_tells_what_is_broken_and_what_was_not_run() -> None:
    (row,) = (row for row in AWS_ROWS if row.key == "StoppedByOthers")
    cell = Cell(row, Column.DEFERRABLE)
    text = table([Round("aws", (cell,))], {cell: replace(GOOD, state="failed")})
    assert "2 att., 2 jobs, failed: BROKEN: attempts: 2, not 1; jobs: 2, not 1; stopped jobs: 0, not 1" in text
    assert "not run" in text
