"""Which cells are run: all, or one of each row, so that both columns have their share."""

from collections.abc import Sequence

from tests.faults import aws_round, kill_round
from tests.faults.aws_rows import AWS_ROWS
from tests.faults.bench import Bench, Round
from tests.faults.cells import Cell, Row, Seen
from tests.faults.kill_rows import KEYS, KILL_ROWS, Victim


def cells_of(rows: Sequence[Row], *, every: bool) -> tuple[Cell, ...]:
    """The cells of these rows; where not every cell is wanted, the columns take turns."""
    return tuple(
        Cell(row, column)
        for number, row in enumerate(rows)
        for column in (row.columns if every else (row.columns[number % len(row.columns)],))
    )


def rounds(*, every: bool) -> tuple[Round, ...]:
    """The rounds in which the cells are run."""
    aws = Round(aws_round.NAME, cells_of(AWS_ROWS, every=every))
    kills = cells_of(KILL_ROWS, every=every)
    return (
        aws,
        *(
            Round(f"kill-{KEYS[victim].lower()}", tuple(cell for cell in kills if cell.row in rows))
            for victim in Victim
            if (rows := [row for row in KILL_ROWS if row.victim is victim])
        ),
    )


def definitions(planned: Sequence[Round]) -> dict[str, str]:
    """The definitions of all rounds, by file name."""
    return {
        name: text
        for each in planned
        for name, text in each.definitions(aws_round.step_of if _is_of_aws(each) else kill_round.step_of).items()
    }


def run_round(bench: Bench, what: Round) -> dict[Cell, Seen]:
    """Run the cells of a round."""
    return aws_round.run_round(bench, what) if _is_of_aws(what) else kill_round.run_round(bench, what)


def _is_of_aws(what: Round) -> bool:
    return what.name == aws_round.NAME
