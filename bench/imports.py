"""What a dags file of definitions costs to import, over Airflow and the Amazon provider.

Fresh processes import Airflow and the provider's SageMaker operators first, and then the loader and the operators of
the step types of one pipeline. Prints the medians of both in milliseconds of CPU time, with the quartiles of ours, and
which of our modules take longest by ``-X importtime`` (the least wall time of each). Byte code is written before, as an
installed package has it. Run it with the project's interpreter: ``.venv/bin/python bench/imports.py [RUNS]``.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUNS = 11
LISTED = 15
STEP_TYPES = ("Processing", "Training", "Condition", "Model", "RegisterModel", "Fail")

IMPORTS = f"""
import sys, time
started = time.process_time()
from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
without = time.process_time()
before = set(sys.modules)
import airflow_sm_pipelines.loader
from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.step_types import STEP_TYPES
for name in {STEP_TYPES!r}:
    operator_of(STEP_TYPES[name])
ended = time.process_time()
own = [name for name in set(sys.modules) - before if name.partition(".")[0] == "airflow_sm_pipelines"]
print((without - started) * 1000, (ended - without) * 1000, len(own))
"""
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(airflow_sm_pipelines\S*)")


def run(home: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *options, "-c", IMPORTS]
    return subprocess.run(command, env=environment, cwd=home, capture_output=True, text=True, check=True)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with tempfile.TemporaryDirectory() as home:
        run(home)
        figures = [[float(figure) for figure in run(home).stdout.split()[-3:]] for _ in range(runs)]
        lines = [LINE.findall(run(home, "-X", "importtime").stderr) for _ in range(runs)]
    base, ours, modules = ([row[column] for row in figures] for column in range(3))
    own = {name: min(int(line[0]) for each in lines for line in each if line[1] == name) for _, name in lines[0]}
    low, median, high = statistics.quantiles(ours, n=4)
    print(f"Airflow and the provider's operators: {statistics.median(base):.0f} ms of CPU time")
    print(
        f"over them, the loader and the operators of {len(STEP_TYPES)} step types ({modules[0]:.0f} modules):"
        f" {median:.1f} ms ({low:.1f} - {high:.1f})"
    )
    for name, microseconds in sorted(own.items(), key=lambda item: -item[1])[:LISTED]:
        print(f"{microseconds / 1000:8.2f} ms  {name}")


if __name__ == "__main__":
    main()
