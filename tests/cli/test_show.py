"""``show``: the graph as a tree, for Graphviz, for Mermaid, and as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from tests.cli.test_lint import BROKEN, write
from tests.definition.build import condition, document, equals, for_each, get, parameter, step

PIPELINE = document(
    step("Train"),
    condition(
        "Check",
        (equals(get("Steps.Train.TrainingJobStatus"), "Completed"),),
        (
            step("Register", "RegisterModel", DependsOn=["Train"]),
            condition("Again", (equals(),), (), (step("Stop", "Fail", {"ErrorMessage": "no"}),)),
        ),
    ),
    for_each("Loop", (step("Body", DependsOn=["Train"]),)),
    step("Odd", 'Ne"w<b>', DependsOn=["Register", "Check"]),
    Parameters=[parameter("Items")],
)


@pytest.fixture
def file(tmp_path: Path) -> str:
    write(tmp_path / "my.json", PIPELINE)
    return str(tmp_path / "my.json")


def shown(file: str, capsys: pytest.CaptureFixture[str], form: str | None = None) -> str:
    assert main(["show", file, *(["--format", form] if form else [])]) == 0
    return capsys.readouterr().out


def test_a_tree(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(file, capsys) == (
        "my (7 steps)\n"
        "├─ Train [Training]\n"
        "├─ Check [Condition] after Train\n"
        "│  ├─ If\n"
        "│  │  ├─ Register [RegisterModel] after Train\n"
        "│  │  └─ Again [Condition]\n"
        "│  │     ├─ If (nothing)\n"
        "│  │     └─ Else\n"
        "│  │        └─ Stop [Fail]\n"
        "│  └─ Else (nothing)\n"
        "├─ Loop [ForEach] after Train\n"
        "│  └─ each: Body [Training]\n"
        '└─ Odd [Ne"w<b>] after Check, Register\n'
    )


def test_graphviz(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(file, capsys, "dot").splitlines()
    assert lines[0] == 'digraph "my" {'
    assert '  "Check" [label="Check\\nCondition", shape=diamond];' in lines
    assert '  "Odd" [label="Odd\\nNe\\"w<b>"];' in lines
    assert '  "Check" -> "Register" [label="If"];' in lines
    assert lines[-1] == "}"


def test_mermaid(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = shown(file, capsys, "mermaid").splitlines()
    assert lines[:3] == ["flowchart TD", '  s0["Train<br/>Training"]', '  s1{"Check<br/>Condition"}']
    assert any("Ne#quot;w#lt;b#gt;" in line for line in lines)
    assert "  s1 -->|If| s2" in lines


def test_as_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(shown(file, capsys, "json"))
    steps = {step["name"]: step for step in told["steps"]}
    assert told["dag_id"] == "my"
    assert next(iter(steps)) == "Train"
    assert steps["Register"]["branch"] == {"condition": "Check", "branch": "If"}
    assert steps["Register"]["waits_for"] == [
        {"step": "Train", "reasons": [{"kind": "DependsOn", "path": f"{steps['Register']['path']}.DependsOn[0]"}]},
        {"step": "Check", "reasons": [{"kind": "branch", "path": "$.Steps[1].Arguments.IfSteps[0]"}]},
    ]
    assert steps["Loop"]["body"] == [{"name": "Body", "type": "Training", "waits_for": []}]
    assert {"from": "Check", "to": "Register", "label": "If"} in told["edges"]


@pytest.mark.parametrize("command", ["show", "explain"])
def test_a_definition_with_errors_has_no_graph(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "broken.json", BROKEN)
    assert main([command, str(tmp_path / "broken.json")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "did you mean 'Steps.A.RoleArn'?" in captured.err


@pytest.mark.parametrize("command", ["show", "explain"])
def test_files_that_are_none(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "report.json", {"x": 1})
    for name, part in (("missing.json", "there is no file"), ("report.json", "is no pipeline definition")):
        assert main([command, str(tmp_path / name)]) == 2
        assert part in capsys.readouterr().err


def test_a_terminal_that_cannot_show_the_lines_of_a_tree(file: str) -> None:
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "PYTHONIOENCODING": "ascii"}
    program = [sys.executable, "-m", "airflow_sm_pipelines.cli.main", "show", file]
    done = subprocess.run(program, env=environment, capture_output=True, check=True, text=True)
    assert "Train [Training]" in done.stdout
