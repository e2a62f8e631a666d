from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from tests.cli.test_lint import BROKEN, GOOD, WARNED, write
from tests.definition.build import parameter


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    parameters = [parameter("p", "Integer"), parameter("q", DefaultValue="")]
    write(tmp_path / "sub" / "my good.json", {**GOOD, "Parameters": parameters})
    write(tmp_path / "broken.json", BROKEN)
    write(tmp_path / "warned.json", {"PipelineName": "Named", "PipelineDefinition": WARNED})
    write(tmp_path / "report.json", {"x": 1})
    return tmp_path


def test_definitions_as_a_table(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    assert [line.split("  ") for line in capsys.readouterr().out.splitlines()] != []
    assert main(["list", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "DAG ID   FILE              STEPS  PARAMETERS  FINDINGS",
        "broken   broken.json       -      -           2 errors",
        "my-good  sub/my good.json  1      2           -",
        "Named    warned.json       1      0           1 warning",
    ]


def test_definitions_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--format", "json", str(folder)]) == 0
    broken, good, _ = json.loads(capsys.readouterr().out)
    assert broken == {
        "dag_id": "broken",
        "file": "broken.json",
        "steps": None,
        "parameters": None,
        "errors": 2,
        "warnings": 0,
    }
    assert good["steps"] == [{"name": "A", "type": "Training"}]
    assert good["parameters"] == [
        {"name": "p", "type": "Integer", "required": True},
        {"name": "q", "type": "String", "required": False},
    ]


def test_a_folder_that_is_none(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "broken.json"]) == 2
    assert "there is no folder 'broken.json'" in capsys.readouterr().err
