"""Measure the rows of ``bench/RESULTS.md``: all of them, or those that are named.

    python -m bench                       all rows; written to bench/RESULTS.md
    python -m bench build lint            these alone; written to build/bench.md

Each row has a process of its own, with an Airflow home of its own. It ends with 1 where a row could not be measured; no
figure changes that.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from bench.home import environment
from bench.measuring import Figure
from bench.results import ROOT, Measured, page, section
from bench.rows import ROWS, Row

NOTES = ROOT / "bench" / "notes.md"
"""What is known of targets that are not met, written by hand."""
RESULTS = ROOT / "bench" / "RESULTS.md"
CHOSEN = ROOT / "build" / "bench.md"
MAX_SECONDS = 1200


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(row.name for row in ROWS))
    parser.add_argument("--into", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    known = {row.name: row for row in ROWS}
    if unknown := [name for name in given.rows if name not in known]:
        parser.error(f"no rows: {', '.join(unknown)}; there are {', '.join(known)}")
    if given.into is not None:
        _write_figures(given.rows[0], given.into)
        return 0
    measured = []
    for row in [known[name] for name in given.rows] or ROWS:
        measured.append(_measured(row))
        print(section(measured[-1]), flush=True)
    output = CHOSEN if given.rows else RESULTS
    output.parent.mkdir(exist_ok=True)
    output.write_text(page(measured, NOTES.read_text() if NOTES.exists() else ""))
    print(f"{output.relative_to(ROOT)} is written")
    return 1 if any(each.failed for each in measured) else 0


def _measured(row: Row) -> Measured:
    """A row's figures, from a process of its own."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        into = Path(home) / "figures.jsonl"
        into.touch()
        started = time.monotonic()
        command = [sys.executable, "-m", "bench", row.name, "--into", str(into)]
        try:
            code = subprocess.run(
                command, env=environment(Path(home)), cwd=ROOT, check=False, timeout=MAX_SECONDS
            ).returncode
            failed = f"not measured to its end: the process ended with {code}" if code else None
        except subprocess.TimeoutExpired:
            failed = f"not measured to its end in {MAX_SECONDS} s"
        seconds = time.monotonic() - started
        figures = [msgspec.json.decode(line, type=Figure) for line in into.read_bytes().splitlines()]
    return Measured(row, figures, seconds, failed)


def _write_figures(row: str, into: Path) -> None:
    """Measure a row in this process, and write each figure as a line of JSON once it is known."""
    for figure in importlib.import_module(f"bench.rows.{row}").measure():
        with into.open("ab") as file:
            file.write(msgspec.json.encode(figure) + b"\n")


if __name__ == "__main__":
    sys.exit(main())
