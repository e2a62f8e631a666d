"""A plugin of Airflow's: each task's process writes at its end what it has cost.

A line is JSON: the Dag, the peak of the resident memory and what is private at the end in MiB, the modules imported,
and the seconds of CPU time. The file's name is in the environment.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

VARIABLE = "SM_PIPELINES_BENCH_TASK_FIGURES"


class Listener:
    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:  # noqa: ARG002 # Airflow's names
        atexit.register(write, task_instance.dag_id)


def write(dag_id: str) -> None:
    peak = _kilobytes("/proc/self/status", "VmHWM")
    private = _kilobytes("/proc/self/smaps_rollup", "Private_Clean", "Private_Dirty")
    line = {
        "dag_id": dag_id,
        "peak": peak / 1024,
        "private": private / 1024,
        "modules": len(sys.modules),
        "cpu": time.process_time(),
    }
    with Path(os.environ[VARIABLE]).open("a") as file:
        file.write(json.dumps(line) + "\n")


def _kilobytes(path: str, *names: str) -> int:
    lines = (line.split() for line in Path(path).read_text().splitlines())
    return sum(int(words[1]) for words in lines if words and words[0].rstrip(":") in names)


class TaskFigures(AirflowPlugin):
    name = "task_figures"
    listeners = [Listener()]
