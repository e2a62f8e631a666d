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
print([name in sys.modules for name in ("airflow_sm_pipelines.operators.job", "airflow_sm_pipelines.operators.emr")])
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
