"""``sm-pipelines lint`` of one file and of 500, over a Python that does no more than read them.

Whole processes in turn. The target is about what lint takes more than that Python: 0.3 s, and 2 ms for each file.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.measuring import Figure, differences, in_turn, process_cpu_seconds
from bench.samples import definition

STEPS = 5
FILES = {1: 15, 500: 7}
"""How many files, and how often the two take turns."""
START_LIMIT, FILE_LIMIT = 0.3, 0.002
READ = "import pathlib, sys\nfor path in pathlib.Path(sys.argv[1]).glob('*.json'): path.read_bytes()"


def measure() -> Iterator[Figure]:
    lint = str(Path(sys.executable).parent / "sm-pipelines")
    with tempfile.TemporaryDirectory() as base:
        for files, rounds in FILES.items():
            folder = Path(base) / str(files)
            folder.mkdir()
            for number in range(files):
                (folder / f"pipeline-{number}.json").write_text(json.dumps(definition(STEPS)))
            commands = {"ours": [lint, "lint", str(folder)], "bare": [sys.executable, "-c", READ, str(folder)]}
            sides = {name: partial(process_cpu_seconds, command, os.environ) for name, command in commands.items()}
            taken = in_turn(sides, rounds)
            ours, bare = (statistics.median(taken[name]) for name in ("ours", "bare"))
            yield Figure(
                f"{files} file{'s' if files > 1 else ''} of {STEPS} steps",
                f"{ours:.3f} s of CPU time",
                f"{bare:.3f} s",
                differences(taken["ours"], taken["bare"]),
                START_LIMIT + FILE_LIMIT * files,
                "s",
            )
