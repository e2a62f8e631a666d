"""A run before people's eyes: its steps, its end, and what a Ctrl-C does."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_sm_pipelines.definition.text import plain
from airflow_sm_pipelines.running.events import RunEnded
from airflow_sm_pipelines.running.table import LastLines, LiveTable, PlainLines, no_lines

if TYPE_CHECKING:
    from airflow_sm_pipelines.running.definition_run import DefinitionRun

INTERRUPTED = 130
STATUSES = {"success": 0, "failed": 1, "refused": 2, "stopped": INTERRUPTED}
WORDS = {"success": "Succeeded", "failed": "Failed", "stopped": "Stopped", "refused": "Not run"}


def show(run: DefinitionRun, *, as_lines: bool = False, last_lines: LastLines = no_lines) -> int:
    """Show a run up to its end: as a table where standard output is a terminal, else a line for each step that ends.

    Ctrl-C stops the run and its jobs; once more, and they are left, and named. The home of a run that failed is kept,
    for its log. Call it from the main thread.

    :param as_lines: lines also in a terminal
    :param last_lines: gives the last line of each job's log, which the table shows while the job runs
    :return: the exit status: 0 for success, 1 for failure, 2 where there was nothing to run, 130 where it was stopped
    """
    started = time.monotonic()
    outcome = RunEnded("failed")
    with (
        _stopped_by_interrupt(run),
        PlainLines(sys.stdout) if as_lines or not sys.stdout.isatty() else LiveTable(last_lines) as view,
    ):
        for event in run.events():
            view.take(event)
            if isinstance(event, RunEnded):
                outcome = event
    if outcome.state == "failed":
        run.keep()
    _show_end(outcome, time.monotonic() - started, run)
    return STATUSES[outcome.state]


def _show_end(outcome: RunEnded, seconds: float, run: DefinitionRun) -> None:
    for reason in outcome.reasons:
        sys.stdout.writelines(f"{plain(line)}\n" for line in reason.splitlines())
    if outcome.left:
        sys.stdout.write(f"May run on: {plain(', '.join(outcome.left))}\n")
    # Of a run that was refused its reasons say all; the log may be that of the run that has the home.
    log = f" (log: {run.log})" if run.is_kept and outcome.state != "refused" else ""
    sys.stdout.write(f"{WORDS[outcome.state]} after {seconds:.1f} s{log}\n")
    sys.stdout.flush()


@contextmanager
def _stopped_by_interrupt(run: DefinitionRun) -> Iterator[None]:
    """While it holds, the first Ctrl-C or SIGTERM stops the run, and a second one ends its processes at once.

    No exception is raised: it could come while a line of the run's events is half read.
    """
    seen: list[int] = []

    def stop(number: int, _frame: object) -> None:
        seen.append(number)
        if len(seen) == 1:
            run.stop()
        else:
            run.abandon()

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
