"""What the scheduler imports for the tasks that are forked from it, tried in processes of their own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import airflow_sm_pipelines

pytestmark = pytest.mark.airflow

STARTS = """
import importlib, sys
from airflow.jobs.job import Job
module, runner = sys.argv[1:]
getattr(importlib.import_module(module), runner)(job=Job())
wanted = ("operators.job", "operators.emr", "jobs.trigger", "callbacks.trigger", "pace.trigger")
print([f"airflow_sm_pipelines.{name}" in sys.modules for name in wanted])
"""
MISSING = """
import sys
import airflow_sm_pipelines.preload
print([name for name in sys.argv[1:] if name not in sys.modules])
"""
PACKAGE = Path(airflow_sm_pipelines.__file__).parent
OF_SERIALIZATION = "airflow_sm_pipelines.report.step_docs"
SCHEDULER = ("airflow.jobs.scheduler_job_runner", "SchedulerJobRunner")
TRIGGERER = ("airflow.jobs.triggerer_job_runner", "TriggererJobRunner")


NOTHING, TRIGGERS, ALL = [False] * 5, [False, False, True, True, True], [True] * 5


@pytest.mark.parametrize(
    ("component", "executor", "wanted", "preloaded"),
    [
        (SCHEDULER, "LocalExecutor", "True", ALL),
        (SCHEDULER, "LocalExecutor", "False", NOTHING),
        (SCHEDULER, "LocalExecutor", "maybe", NOTHING),
        (SCHEDULER, "CeleryExecutor", "True", NOTHING),
        (TRIGGERER, "LocalExecutor", "True", TRIGGERS),
        (TRIGGERER, "CeleryExecutor", "False", NOTHING),
    ],
)
def test_a_component_imports_what_is_run_in_processes_that_are_forked_from_it(
    component: tuple[str, str], executor: str, wanted: str, preloaded: list[bool], tmp_path: Path
) -> None:
    given = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__EXECUTOR": executor,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
        "AIRFLOW__SAGEMAKER_PIPELINES__PRELOAD": wanted,
    }
    command = [sys.executable, "-W", "ignore", "-c", STARTS, *component]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.splitlines()[-1] == str(preloaded), done.stdout + done.stderr


def test_what_an_operator_imports_for_a_try_is_preloaded() -> None:
    """Else each task's process would import it anew."""
    wanted = {
        each.module
        for module in ("operators/step.py", "operators/job.py")
        for function in ast.walk(ast.parse((PACKAGE / module).read_text()))
        if isinstance(function, ast.FunctionDef)
        for each in ast.walk(function)
        if isinstance(each, ast.ImportFrom) and each.module is not None
    }
    assert len(wanted) > 20
    command = [sys.executable, "-W", "ignore", "-c", MISSING, *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert set(ast.literal_eval(done.stdout.splitlines()[-1])) <= {OF_SERIALIZATION}
