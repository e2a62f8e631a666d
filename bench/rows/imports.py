"""What a dags file of definitions costs to import, over Airflow and the Amazon provider.

Fresh processes import Airflow and the provider's SageMaker operators first, and then the loader and the operators of
the step types of one pipeline. Byte code is written before, as an installed package has it.

What lives before is frozen, as Airflow freezes it in its dag-processor and its executors before they fork. Python's
collector looks at all objects again after so and so many new ones: that look falls into the measured part or not by
chance, so what it takes stands beside the figure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import Figure, Spread

RUNS = 9
LIMIT = 60
STEP_TYPES = ("Processing", "Training", "Condition", "Model", "RegisterModel", "Fail")
ROOT = Path(__file__).resolve().parents[2]

IMPORTS = f"""
import gc, sys, time
started = time.process_time()
from airflow.sdk import DAG
from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
without = time.process_time()
gc.collect()
collected = time.process_time()
gc.freeze()
begun = time.process_time()
import airflow_sm_pipelines.loader
from airflow_sm_pipelines.operators.registry import operator_of
from airflow_sm_pipelines.step_types import STEP_TYPES
for name in {STEP_TYPES!r}:
    operator_of(STEP_TYPES[name])
ended = time.process_time()
own = [name for name in sys.modules if name.partition(".")[0] == "airflow_sm_pipelines"]
print((without - started) * 1000, (ended - begun) * 1000, len(own), (collected - without) * 1000)
"""


def run(*options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, *options, "-c", IMPORTS]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True)


def measure() -> Iterator[Figure]:
    run()
    figures = [[float(figure) for figure in run().stdout.split()[-4:]] for _ in range(RUNS)]
    base, ours, modules, look = ([row[column] for row in figures] for column in range(4))
    yield Figure(
        "loader and the operators of six step types",
        f"{modules[0]:.0f} modules",
        f"{statistics.median(base):.0f} ms of CPU time for Airflow and the provider's operators, and"
        f" {statistics.median(look):.0f} ms a look of the collector at all that",
        Spread.of(ours),
        LIMIT,
        "ms",
    )
