"""The real dag-processor's loop over 1,000 definitions in one folder, against 1,000 hand-written files.

``airflow dag-processor --num-runs 1`` on SQLite, with two parsing processes, in turn with the other side. The
first loop fills the tables, the second one finds them so. CPU time is that of all its processes; memory is the peak of
their proportional set sizes (PSS), looked at twice in a second.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from bench.measuring import Figure, ratios
from bench.samples import definition, hand_written

STEPS = 3
DEFINITIONS = 1000
LOOPS = ("the first loop", "the second loop")
LIMIT = 0.5
LOOK = 0.5
LOADER = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('definitions'))\n"
COUNT = "SELECT count(*) FROM dag WHERE NOT is_stale"


class Home(Struct, frozen=True):
    """An Airflow with its own dags folder and database."""

    path: Path
    dags: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "AIRFLOW_HOME": str(self.path),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.path / "dags"),
            "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",
            "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "900",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "2",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.path}/airflow.db",
        }

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = [str(Path(sys.executable).parent / "airflow"), *arguments]
        log = (self.path / "log").open("wb")
        return subprocess.Popen(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as base:
        names, text = [f"pipeline-{number}" for number in range(DEFINITIONS)], json.dumps(definition(STEPS))
        homes = {
            "ours": _home(Path(base) / "ours", {f"definitions/{name}.json": text for name in names}),
            "by hand": _home(Path(base) / "hand", {f"{name}.py": hand_written(name, STEPS) for name in names}),
        }
        (homes["ours"].path / "dags" / "dags.py").write_text(LOADER)
        memory: dict[str, list[float]] = {name: [] for name in homes}
        taken: dict[str, list[float]] = {name: [] for name in homes}
        for _ in LOOPS:
            for name, home in homes.items():
                taken[name].append(_loop(home, memory[name]))
    told = f"{DEFINITIONS:,} definitions of {STEPS} steps"
    for number, loop in enumerate(LOOPS):
        ours, other = (taken[name][number] for name in homes)
        yield Figure(f"{told}, CPU time of {loop}", f"{ours:.1f} s", f"{other:.1f} s", ratios([ours], [other]), LIMIT)
    texts = [f"{statistics.median(memory[name]):.0f} MiB" for name in homes]
    yield Figure(f"{told}, memory", texts[0], texts[1], ratios(memory["ours"], memory["by hand"]), LIMIT)


def _home(path: Path, files: Mapping[str, str]) -> Home:
    for name, text in files.items():
        (path / "dags" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "dags" / name).write_text(text)
    home = Home(path, len(files))
    if home.run("db", "migrate").wait():
        raise RuntimeError((path / "log").read_text())
    return home


def _loop(home: Home, memory: list[float]) -> float:
    """The CPU time of a loop; its peak of memory in MiB is added."""
    process = home.run("dag-processor", "--num-runs", "1")
    peak = 0.0
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        peak = max(peak, _memory(process.pid))
        time.sleep(LOOK)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or (found := _listed(home)) != home.dags:
        raise RuntimeError(f"{process.returncode}, {found} Dags: {(home.path / 'log').read_text()}")
    memory.append(peak)
    return usage.ru_utime + usage.ru_stime


def _listed(home: Home) -> int:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home.path / "airflow.db")) as database:
        return int(database.execute(COUNT).fetchone()[0])


def _memory(pid: int) -> float:
    """The MiB that a process and its descendants have, shared pages by their shares."""
    total, waiting = 0, [pid]
    while waiting:
        process = waiting.pop()
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
            for thread in Path(f"/proc/{process}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            # It has ended meanwhile.
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total / 1024
