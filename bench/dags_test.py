"""How long the example takes under ``airflow dags test``, against a Dag of two plain tasks.

Whole processes, in turn, after one run of each that is not counted. Prints the seconds of each run, the medians, and
their difference. Run it with the project's interpreter: ``.venv/bin/python bench/dags_test.py``.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 5

PLAIN = """
from airflow.sdk import dag, task

@dag(schedule=None)
def plain():
    @task
    def first():
        return 1

    @task
    def second(value):
        return value + 1

    second(first())

plain()
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as home:
        dags = Path(home) / "dags"
        dags.mkdir()
        (dags / "plain.py").write_text(PLAIN)
        environment = {
            **os.environ,
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
        airflow = str(Path(sys.executable).parent / "airflow")
        subprocess.run([airflow, "db", "migrate"], env=environment, capture_output=True, check=True)
        plain = [airflow, "dags", "test", "plain"]
        example = [
            sys.executable,
            str(ROOT / "examples/demo.py"),
            str(ROOT / "examples/scenarios/abalone-success.json"),
        ]
        times: dict[str, list[float]] = {"plain": [], "example": []}
        for run in range(RUNS + 1):
            for name, command in (("plain", plain), ("example", example)):
                started = time.perf_counter()
                subprocess.run(command, env=environment, capture_output=True, check=True)
                if run:
                    times[name].append(time.perf_counter() - started)
    for name, seconds in times.items():
        print(f"{name:8} {' '.join(f'{value:6.2f}' for value in seconds)}  median {statistics.median(seconds):.2f} s")
    medians = {name: statistics.median(seconds) for name, seconds in times.items()}
    print(
        f"difference {medians['example'] - medians['plain']:.2f} s, ratio {medians['example'] / medians['plain']:.2f}"
    )


if __name__ == "__main__":
    main()
