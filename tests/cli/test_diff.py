"""``sm-pipelines diff``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from tests.cli.test_lint import BROKEN, write
from tests.definition.build import document, training
from tests.documentation.blocks import block_of

REPOSITORY = Path(__file__).parent.parent.parent


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    write(tmp_path / "a.json", document(training("Train")))
    write(tmp_path / "b.json", document(training("Train"), training("Again")))
    return str(tmp_path / "a.json"), str(tmp_path / "b.json")


def test_equal_files(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", files[0], files[0]]) == 0
    assert capsys.readouterr().out == f"{files[0]} and {files[0]}: 0 differences\n"


def test_different_files(files: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *files]) == 1
    assert capsys.readouterr().out.splitlines()[0] == "added: step Again"
    assert main(["diff", "--format", "json", *files]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["equal"] is False
    assert told["changes"] == [{"change": "added", "kind": "step", "name": "Again"}]


def test_a_file_with_errors_cannot_be_compared(
    files: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "broken.json", BROKEN)
    assert main(["diff", files[0], str(tmp_path / "broken.json")]) == 2
    assert "did you mean 'Steps.A.RoleArn'?" in capsys.readouterr().err
    assert main(["diff", files[0], str(tmp_path / "missing.json")]) == 2


def test_the_example_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    command, _, expected = block_of("docs/moving.md", "$ sm-pipelines diff").text.partition("\n")
    abalone = json.loads((REPOSITORY / "dags" / "pipelines" / "abalone.json").read_text())
    monkeypatch.chdir(tmp_path)
    write(Path("abalone.json"), abalone)
    [train] = [step for step in abalone["Steps"] if step["Name"] == "TrainAbalone"]
    train["Arguments"]["HyperParameters"]["max_depth"] = "6"
    train["RetryPolicies"][0]["MaxAttempts"] = 5
    abalone["Parameters"].append({"Name": "Seed", "Type": "Integer", "DefaultValue": 1})
    notify = {"Name": "Notify", "Type": "Fail", "DependsOn": ["TrainAbalone"], "Arguments": {"ErrorMessage": "x"}}
    abalone["Steps"].append(notify)
    write(Path("next.json"), abalone)
    assert main(shlex.split(command)[2:]) == 1
    assert capsys.readouterr().out == expected
