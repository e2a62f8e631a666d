"""The table of the matrix, as docs/fault-matrix.md has it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.bench import Round
from tests.faults.cells import Cell, Column, Row, Seen

INTRODUCTION = """\
# The fault matrix

The first row below, for example: AWS throttles the first five Create calls of a step. The step makes 6 attempts, one
job comes of them, and the step succeeds.

The rows say what happens to a step when something dies or AWS fails. All of it was tried on real processes: API server,
scheduler (LocalExecutor), Dag processor and triggerer on PostgreSQL, against the local AWS endpoint. `make faults` runs
every cell and writes this page; `make test` runs one cell of each row.

A cell tells the attempts (names under which AWS was asked for a job), the jobs that came of them as the endpoint has
them, and the step's final state. `-` stands where there is nothing to kill in that column. A cell *holds* when

- attempts, jobs and state are as expected;
- the delays between the attempts are at least those of the retry policy;
- jobs that were to be stopped are stopped, and no job runs on when all is over.

The retry policies count what AWS answers to a Create call, call by call. So throttling without end makes 6 calls, and
one call where no retry is allowed. (Throttling counts only after `throttle_patience`, which is 0 here; see
[pace.md](pace.md).) No policy counts a call without any answer. The job is then looked for by its name. If it is not
there, the call is made again under that name ([semantics 7.1](sagemaker/7-retries.md#71-calls-that-begin-something)).
"""


def table(planned: Sequence[Round], seen: Mapping[Cell, Seen]) -> str:
    """The page as text."""
    rows = dict.fromkeys(cell.row for each in planned for cell in each.cells)
    lines = [
        INTRODUCTION,
        "| fault | expected | deferrable | synchronous |",
        "|---|---|---|---|",
        *(
            f"| {row.title} | {_expectation(row)} | {' | '.join(_verdict(row, column, seen) for column in Column)} |"
            for row in rows
        ),
    ]
    return "\n".join(lines) + "\n"


def write_table(path: Path, planned: Sequence[Round], seen: Mapping[Cell, Seen]) -> None:
    """Write the page."""
    path.write_text(table(planned, seen))


def _expectation(row: Row) -> str:
    expected = row.expected
    return _told(expected.attempts, expected.jobs, expected.stopped, expected.state)


def _verdict(row: Row, column: Column, seen: Mapping[Cell, Seen]) -> str:
    if column not in row.columns:
        return "-"
    found = seen.get(Cell(row, column))
    if found is None:
        return "not run"
    faults = found.faults(row.expected)
    told = _told(found.attempts, found.jobs, found.stopped, found.state)
    return f"{told}: {'holds' if not faults else 'BROKEN: ' + '; '.join(faults)}"


def _told(attempts: int, jobs: int, stopped: int, state: str) -> str:
    return f"{attempts} att., {jobs} job{'s' * (jobs != 1)}{f' ({stopped} stopped)' if stopped else ''}, {state}"
