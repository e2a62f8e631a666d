"""Runs the cells that are faults of AWS, all at once: each step meets its own fault."""

from collections.abc import Mapping
from typing import Any, cast

from tests.faults.aws_faults import JOB_SECONDS, THREE_HOURS, AwsRow
from tests.faults.aws_rows import AWS_ROWS
from tests.faults.bench import Bench, Round, RunningRound
from tests.faults.cells import Cell, Seen
from tests.runs.harness import training

NAME = "aws"
LONG_ROW = AWS_ROWS[-1]


def step_of(cell: Cell) -> Mapping[str, Any]:
    """The cell's step in the definition."""
    policies = _row(cell).policies
    arguments = {"StoppingCondition": {"MaxRuntimeInSeconds": int(2 * THREE_HOURS)}}
    return training(cell.step, Arguments=arguments, **({"RetryPolicies": list(policies)} if policies else {}))


def run_round(bench: Bench, what: Round) -> dict[Cell, Seen]:
    """Run the cells; what came of each."""
    bench.endpoint.reset(_scenario(what))
    running = bench.start(what)
    for cell in what.cells:
        if _row(cell).killed:
            bench.until(lambda cell=cell: running.is_waited_for(cell), f"{cell.id} waits")  # type: ignore[misc]
            running.mark_failed(cell)
    long = [cell for cell in what.cells if cell.row is LONG_ROW]
    others = [cell for cell in what.cells if cell not in long]
    running.wait_for_ends(others)
    running.wait_for_jobs(others)
    # Only now, or the delays of the others could not be measured.
    for _ in range(2):
        _wait_for_new_looks(running, long)
        bench.endpoint.advance(THREE_HOURS / 2)
    running.wait_for_ends(what.cells)
    running.wait_for_jobs(what.cells)
    states = running.states()
    return {cell: Seen.of(cell, bench.endpoint, str(states[cell])) for cell in what.cells}


def _wait_for_new_looks(running: RunningRound, cells: list[Cell]) -> None:
    before = {cell: running.looks(cell) for cell in cells}
    running.bench.until(
        lambda: all(running.is_waited_for(cell, before[cell]) for cell in cells),
        "the long job is still waited for",
    )


def _scenario(what: Round) -> dict[str, Any]:
    named = [(cell.jobs, _row(cell)) for cell in what.cells]
    return {
        "defaults": {"duration": JOB_SECONDS},
        "jobs": [{"name": name, **rule} for name, row in named for rule in row.jobs],
        "faults": [{"name": name, **rule} for name, row in named for rule in row.faults],
    }


def _row(cell: Cell) -> AwsRow:
    return cast("AwsRow", cell.row)
