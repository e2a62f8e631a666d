"""The command line and a step type of a package outside of this one (tests/glue_step_type), in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.definition.build import document, get, step

PACKAGE = Path(__file__).parents[1] / "glue_step_type"
DEFINITION = document(
    step("Etl", "GlueJob", {"JobName": "etl", "Argumentss": {}}),
    step("After", arguments={"HyperParameters": {"run": get("Steps.Etl.Id"), "s": get("Steps.Etl.JobRunStat")}}),
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "glue.json"
    path.write_text(json.dumps(DEFINITION))
    return path


def run(*arguments: object, installed: bool = True) -> subprocess.CompletedProcess[str]:
    paths = [str(PACKAGE)] if installed else []
    program = f"import sys\nsys.path[:0] = {paths!r}\nfrom airflow_sm_pipelines.cli.main import main\n"
    ends = "code = main()\nassert not any(name.split('.')[0] == 'airflow' for name in sys.modules)\nsys.exit(code)"
    command = [sys.executable, "-c", program + ends, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})


def test_lint_knows_it_by_its_entry_point(file: Path) -> None:
    told = run("lint", "--format", "json", file)
    findings: list[Any] = json.loads(told.stdout)["findings"]
    told_of = [(found["severity"], found["suggestion"]) for found in findings if found["code"] != "value-missing"]
    assert told_of == [
        ("error", "Arguments"),
        ("error", "Steps.Etl.JobRunState"),
    ]


def test_without_its_package_it_is_not_known(file: Path) -> None:
    told = run("lint", file, installed=False)
    assert told.returncode == 1
    assert "unknown step type 'GlueJob'" in told.stdout


def test_explain_and_iam_know_it(file: Path) -> None:
    file.write_text(json.dumps(document(step("Etl", "GlueJob", {"JobName": "etl"}))))
    told = run("explain", file)
    assert told.returncode == 0, told.stderr
    assert "calls        glue:StartJobRun, glue:GetJobRun, glue:BatchStopJobRun, glue:GetJobRuns" in told.stdout
    policy = json.loads(run("iam", file).stdout)
    actions = {statement["Sid"]: statement["Action"] for statement in policy["Statement"]}
    assert actions["GlueJobSteps"] == ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
    [logs] = [statement["Resource"] for statement in policy["Statement"] if statement["Sid"] == "Logs"]
    assert logs == ["arn:*:logs:*:*:log-group:/aws-glue/jobs/error:*"]
