"""The largest document of the corpus, run to its end in one process as ``airflow dags test`` does.

Its steps are Callback steps, which a worker answers. ``python bench/largest.py [--steps N]`` runs it, or its first N
steps; it prints the seconds a step, and their ratio to those of a tenth of the steps.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

import tests.conftest  # noqa: F401 # sets Airflow's environment before Airflow is imported
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.corpus import documents
from tests.runs.harness import Airflow
from tests.runs.test_corpus import callbacks_answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, help="how many of its steps (default: all)")
    options = parser.parse_args()
    name, text = max(documents().items(), key=lambda item: len(item[1]))
    document = json.loads(text)
    whole = document["Steps"][: options.steps]

    from airflow.utils.db import initdb

    initdb()
    folder = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    folder.mkdir(parents=True)
    with LocalEndpoint(scenario={"defaults": {"duration": 0.01}}) as endpoint:
        os.environ.update(endpoint.environment)
        airflow = Airflow(folder, endpoint)
        tenth = run(airflow, {**document, "Steps": whole[: max(len(whole) // 10, 1)]}, name)
        print(f"ratio of the seconds a step: {run(airflow, {**document, 'Steps': whole}, name) / tenth:.2f}")


def run(airflow: Airflow, document: dict[str, Any], name: str) -> float:
    """The seconds a step of a run in which every step succeeded and was asked for once."""
    count = len(document["Steps"])
    airflow.endpoint.reset()
    with pytest.MonkeyPatch.context() as patch, callbacks_answered(airflow, document, {}, patch):
        started = time.perf_counter()
        done = airflow.run(document)
        seconds = (time.perf_counter() - started) / count
    asked = [
        sent
        for sent in airflow.endpoint.requests("sqs", "SendMessage")
        if not str(sent.parameters["QueueUrl"]).endswith("/replies")
    ]
    if set(done.states.values()) != {"success"} or len(asked) != count:
        raise SystemExit(f"{name}: {done.state}, {len(asked)} messages for {count} steps")
    print(f"{name}: {count} steps succeeded, {len(asked)} messages, {seconds:.3f} s a step", flush=True)
    return seconds


if __name__ == "__main__":
    main()
