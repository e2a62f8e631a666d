"""The steps of a run as a table that is kept up to date, or, where that cannot be shown, as lines."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

from airflow_sm_pipelines.definition.text import plain
from airflow_sm_pipelines.jobs.kill_verdict import ENDED
from airflow_sm_pipelines.running.events import Event, RunStarted, StepChanged, Stopping

if TYPE_CHECKING:
    from rich.table import Table

STYLES = {"success": "green", "failed": "red", "upstream_failed": "red", "running": "cyan", "up_for_retry": "yellow"}
WORDS = {"scheduled": "waiting", "up_for_retry": "retried", "upstream_failed": "not run"}
# A plain line is written of a step that runs for so long: it may be hours to the next.
LONG_SECONDS = 15.0
# The lines of a terminal that the table itself does not have: head, foot and what was typed.
MARGIN_LINES = 7
LastLines = Callable[[], Mapping[str, str]]


def no_lines() -> Mapping[str, str]:
    """Of a run whose jobs' logs are not at hand."""
    return {}


class Steps:
    """The last that is known of each step, in the order of the Dag.

    ``last_lines`` gives the last line of each job's log, by the job's name.
    """

    def __init__(self, last_lines: LastLines = no_lines) -> None:
        self.run_id = ""
        self.stopping = False
        self._last_lines = last_lines
        self._order: dict[str, int] = {}
        self._known: dict[tuple[str, int], StepChanged] = {}

    def take(self, event: Event) -> None:
        """Take up what an event says."""
        if isinstance(event, RunStarted):
            self.run_id = event.run_id
            self._order = {name: position for position, name in enumerate(event.steps)}
        elif isinstance(event, StepChanged):
            self._known[event.task_id, event.map_index] = event
        elif isinstance(event, Stopping):
            self.stopping = True

    def lines(self) -> Mapping[str, str]:
        """The last line of each job's log, now."""
        return self._last_lines()

    @property
    def rows(self) -> list[StepChanged]:
        """All of them."""
        return sorted(self._known.values(), key=lambda step: (self._order.get(step.task_id, 0), step.map_index))

    def fitting(self, height: int) -> list[StepChanged]:
        """As many as there is room for: those that run or have failed before those that ended last, and these before
        those that wait.
        """
        rows = self.rows
        ranked = sorted(range(len(rows)), key=lambda at: _rank(rows[at]))
        return [rows[at] for at in sorted(ranked[: max(height, 1)])]


class PlainLines:
    """A line for each step that has ended, and one for a step that runs for long."""

    def __init__(self, out: IO[str]) -> None:
        self._out, self._steps = out, Steps()
        self._shown: dict[tuple[str, int], str] = {}

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.flush()

    def take(self, event: Event) -> None:
        """Write what is news."""
        self._steps.take(event)
        if isinstance(event, StepChanged) and event.state in ENDED:
            self._show(event)
        elif isinstance(event, Stopping):
            self._write("Stopping " + (", ".join(event.jobs) or "the run"))
        now = time.time()
        for step in self._steps.rows:
            if step.state == "running" and step.started is not None and now - step.started > LONG_SECONDS:
                self._show(step)

    def _show(self, step: StepChanged) -> None:
        key, state = (step.task_id, step.map_index), f"{step.state} {step.try_number}"
        if self._shown.get(key) != state:
            self._shown[key] = state
            self._write(line_of(step))

    def _write(self, line: str) -> None:
        self._out.write(f"{plain(line)}\n")
        self._out.flush()


class LiveTable:
    """The table, drawn anew in the terminal by rich, which comes with Airflow."""

    def __init__(self, last_lines: LastLines = no_lines) -> None:
        from rich.console import Console
        from rich.live import Live

        self._steps = Steps(last_lines)
        self._console = Console()
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=4)

    def __enter__(self) -> LiveTable:
        self._live.__enter__()
        return self

    def __exit__(self, *ended: Any) -> None:
        # What scrolls away need not fit.
        self._live.update(table_of(self._steps.rows, self._steps))
        self._live.vertical_overflow = "visible"
        self._live.__exit__(*ended)

    def take(self, event: Event) -> None:
        """Let the table show it."""
        self._steps.take(event)

    def _draw(self) -> Table | str:
        if not self._steps.run_id:
            return "Airflow starts ..."
        return table_of(self._steps.fitting(self._console.height - MARGIN_LINES), self._steps, one_line=True)


def table_of(shown: Sequence[StepChanged], steps: Steps, *, one_line: bool = False) -> Table:
    """The table of some of the steps; the others are counted below it.

    :param one_line: whether what is long is cut off
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    hidden = len(steps.rows) - len(shown)
    foot = [f"{hidden} more steps"] if hidden else []
    if steps.stopping:
        foot.append("stopping (once more leaves the jobs running)")
    table = Table(box=SIMPLE_HEAD, expand=False, caption=", ".join(foot) or None, caption_justify="left")
    table.add_column("State", no_wrap=True)
    table.add_column("Step", no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
    table.add_column("Time", justify="right", no_wrap=True)
    for name in ("Job", "What came of it"):
        table.add_column(name, no_wrap=one_line, overflow="ellipsis" if one_line else "fold")
    lines = steps.lines() if any(step.state == "running" for step in shown) else {}
    for step in shown:
        came = step.reason or step.produced
        if step.state == "running" and not came:
            came = lines.get(step.job or "", "")
        cells = (word_of(step), step.name, duration_of(step), step.job or "", came)
        style = STYLES.get(step.state, "dim")
        table.add_row(*(Text(plain(cell), style="" if at else style) for at, cell in enumerate(cells)))
    return table


def line_of(step: StepChanged) -> str:
    """A step as one line: its state, its name, how long it took, its job, and what it produced."""
    produced = "" if step.state == "failed" else step.produced
    return f"{word_of(step):8} {step.name:28} {duration_of(step):>7}  {step.job or '-':58} {produced}".rstrip()


def word_of(step: StepChanged) -> str:
    """Airflow's word for the state, or one that says more."""
    return WORDS.get(step.state, step.state)


def duration_of(step: StepChanged) -> str:
    """How long the step has taken, or takes until now."""
    if step.started is None or step.state in ("skipped", "scheduled", "upstream_failed"):
        return "-"
    seconds = max(0.0, (time.time() if step.ended is None else step.ended) - step.started)
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _rank(step: StepChanged) -> tuple[int, float]:
    if step.state in ("running", "up_for_retry", "failed"):
        return 0, 0.0
    return (1, -(step.ended or 0.0)) if step.state in ENDED else (2, 0.0)
