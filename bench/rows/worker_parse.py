"""A worker's parse of a dags file that loads a folder of 1, 100 and 1,000 definitions.

A task's process parses its Dag's file and asks for that Dag alone. Here a fresh process for each parse imports
Airflow's task runner and then does what that runner does (``BundleDagBag``, with the Dag's id as the parsing context);
the CPU time is that of the parse, with the imports that it brings. What a further definition costs is told by a second
parse in the same process.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.measuring import Figure, Spread, in_turn, ratios
from bench.samples import definition

STEPS = 10
DEFINITIONS = (1, 100, 1000)
ROUNDS = 5
LIMIT = 1.1
LOADER = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('definitions'))\n"

PARSE = """
import gc, json, sys, time
from pathlib import Path
import airflow.sdk.execution_time.task_runner
from airflow.dag_processing.dagbag import BundleDagBag

folder, dag_id = Path(sys.argv[1]), sys.argv[2]
taken = []
for _ in range(2):
    started = time.process_time()
    bag = BundleDagBag(
        dag_folder=str(folder / "dags.py"), bundle_path=folder, bundle_name="dags", safe_mode=False, load_op_links=False
    )
    taken.append(time.process_time() - started)
    assert set(bag.dags) == {dag_id}, (set(bag.dags), bag.import_errors)
print(json.dumps(taken))
"""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as base:
        folders = {count: _folder(Path(base) / str(count), count) for count in DEFINITIONS}
        again: dict[int, list[float]] = {count: [] for count in DEFINITIONS}
        sides = {
            str(count): partial(_parse, folder, f"pipeline-{count // 2}", again[count])
            for count, folder in folders.items()
        }
        taken = in_turn(sides, ROUNDS)
    one = taken[str(DEFINITIONS[0])]
    for count in DEFINITIONS[1:]:
        seconds = taken[str(count)]
        second = [statistics.median(again[each]) * 1000 for each in (count, DEFINITIONS[0])]
        yield Figure(
            f"{count:,} definitions of {STEPS} steps",
            f"{statistics.median(seconds) * 1000:.0f} ms (a second parse {second[0]:.1f} ms)",
            f"{statistics.median(one) * 1000:.0f} ms (a second parse {second[1]:.1f} ms)",
            ratios(seconds, one),
            LIMIT,
        )
    yield Figure(
        "a further definition, of a second parse",
        f"{_a_definition(again) * 1e6:.1f} µs",
        "",
        Spread.of([_a_definition(again) * 1e6]),
        unit="µs",
    )


def _a_definition(again: dict[int, list[float]]) -> float:
    least, most = DEFINITIONS[0], DEFINITIONS[-1]
    return (statistics.median(again[most]) - statistics.median(again[least])) / (most - least)


def _folder(folder: Path, definitions: int) -> Path:
    (folder / "definitions").mkdir(parents=True)
    (folder / "dags.py").write_text(LOADER)
    for number in range(definitions):
        (folder / "definitions" / f"pipeline-{number}.json").write_text(json.dumps(definition(STEPS)))
    return folder


def _parse(folder: Path, dag_id: str, again: list[float]) -> float:
    environment = {**os.environ, "_AIRFLOW_PARSING_CONTEXT_DAG_ID": dag_id, "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "Step0"}
    command = [sys.executable, "-c", PARSE, str(folder), dag_id]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    first, second = json.loads(done.stdout.splitlines()[-1])
    again.append(second)
    return float(first)
