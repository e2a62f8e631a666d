"""What the scheduler imports for the tasks that are forked from it, tried in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.airflow

STARTS = """
import importlib, sys
from airflow.jobs.job import Job
module, runner = sys.argv[1:]
getattr(importlib.import_module(module), runner)(job=Job())
print([name in sys.modules for name in ("airflow_sm_pipelines.operators.job", "airflow_sm_pipelines.operators.emr")])
"""
SCHEDULER = ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner")
TRIGGERER = ("airflow.jobs.triggerer_job_runner", "TriggererJobRunner")


@pytest.mark.parametrize(
    ("component", "executor", "wanted", "preloaded"),
    [
        (SCHEDULER, "LocalExecutor", "True", True),
        (SCHEDULER, "LocalExecutor", "False", False),
        (SCHEDULER, "LocalExecutor", "maybe", False),
        (SCHEDULER, "CeleryExecutor", "True", False),
        (TRIGGERER, "LocalExecutor", "True", False),
    ],
)
def test_a_scheduler_imports_the_operators_where_its_tasks_are_forked_from_it(
    component: tuple[str, str], executor: str, wanted: str, preloaded: bool, tmp_path: Path
) -> None:
    given = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__SAGEMAKER_PIPELINES__PRELOAD": wanted,
    }
    command = [sys.executable, "-W", "ignore", "-c", STARTS, *component]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines()[-1] == str([preloaded, preloaded]), done.stdout + done.stderr
