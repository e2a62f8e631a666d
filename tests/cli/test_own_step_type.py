"""The command line and a step type of a package outside of this one (tests/glue_step_type), in processes of its own."""

from __future__ import annotations

import json
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


GOOD = document(step("Etl", "GlueJob", {"JobName": "etl"}))
# Each command after the other, so that one process answers for all of them.
PROGRAM = """
import contextlib, io, json, sys

sys.path[:0] = json.loads(sys.argv[1])
from airflow_sm_pipelines.cli.main import main

for command in json.loads(sys.argv[2]):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = main(command)
    print(json.dumps([status, said.getvalue()]))
assert not any(name.split(".")[0] == "airflow" for name in sys.modules)
"""


def run(*commands: list[str], installed: bool = True) -> list[tuple[int, str]]:
    """The status and the output of each command."""
    paths = [str(PACKAGE)] if installed else []
    arguments = [sys.executable, "-c", PROGRAM, json.dumps(paths), json.dumps(commands)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return [(status, said) for status, said in map(json.loads, done.stdout.splitlines())]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("wrong") / "glue.json"
    path.write_text(json.dumps(DEFINITION))
    return str(path)


@pytest.fixture(scope="module")
def said(file: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str]]:
    """By the command's name, where the package is installed."""
    good = tmp_path_factory.mktemp("good") / "glue.json"
    good.write_text(json.dumps(GOOD))
    commands = ["lint", "--format", "json", file], ["explain", str(good)], ["iam", str(good)]
    return {command[0]: answer for command, answer in zip(commands, run(*commands), strict=True)}


def test_lint_knows_it_by_its_entry_point(said: dict[str, tuple[int, str]]) -> None:
    status, told = said["lint"]
    assert status == 1
    findings: list[Any] = json.loads(told)["findings"]
    told_of = [(found["severity"], found["suggestion"]) for found in findings if found["code"] != "value-missing"]
    assert told_of == [
        ("error", "Arguments"),
        ("error", "Steps.Etl.JobRunState"),
    ]


def test_without_its_package_it_is_not_known(file: str) -> None:
    [(status, told)] = run(["lint", file], installed=False)
    assert status == 1
    assert "unknown step type 'GlueJob'" in told


def test_explain_and_iam_know_it(said: dict[str, tuple[int, str]]) -> None:
    status, told = said["explain"]
    assert status == 0
    assert "calls        glue:StartJobRun, glue:GetJobRun, glue:BatchStopJobRun, glue:GetJobRuns" in told
    policy = json.loads(said["iam"][1])
    actions = {statement["Sid"]: statement["Action"] for statement in policy["Statement"]}
    assert actions["GlueJobSteps"] == ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"]
    [logs] = [statement["Resource"] for statement in policy["Statement"] if statement["Sid"] == "Logs"]
    assert logs == ["arn:*:logs:*:*:log-group:/aws-glue/jobs/error:*"]
