"""``airflow sm-pipelines run``: what it refuses before anything is started. The runs are in tests/running."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.errors import MotoMissingError
from tests.cli.test_airflow_commands import parse
from tests.cli.test_lint import BROKEN, GOOD, write

# A process in which the packages of the extra ``local`` cannot be imported.
WITHOUT_EXTRA = "import sys; sys.modules.update(moto=None, werkzeug=None)"


@pytest.fixture
def good(tmp_path: Path) -> str:
    write(tmp_path / "good.json", GOOD)
    return str(tmp_path / "good.json")


def status_of(*arguments: str) -> int:
    parsed = parse("run", *arguments)
    with pytest.raises(SystemExit) as ended:
        parsed.func(parsed)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--conf", "{"], "--conf is no JSON"),
        (["--conf", "[1]"], "--conf is no JSON object"),
        (["--aws", "--scenario", "x.json"], "--aws runs it in AWS"),
        (["--aws", "--endpoint", "http://localhost:5000"], "--aws runs it in AWS"),
        (["--aws", "--aws-conn-id", "misspelt"], "no connection 'misspelt'"),
        (["--endpoint", "http://localhost:5000", "--scenario", "x.json"], "--scenario is for an endpoint"),
        (["--scenario", "nowhere.json"], "nowhere.json"),
        (["--pipeline", "other"], "has no pipeline 'other'"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_2(
    arguments: list[str], told: str, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status_of(good, *arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("sm-pipelines run: ")
    assert told in said


def test_findings_are_told_as_lint_tells_them_and_end_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "bad.json", BROKEN)
    assert status_of(str(tmp_path / "bad.json")) == 2
    assert ": error: " in capsys.readouterr().err


SERVE = "from airflow_sm_pipelines.local.command import serve; serve(port=0)"
TO_INSTALL = "install this package with the extra 'local'"


def test_without_the_extra_it_is_said_what_to_install() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", f"{WITHOUT_EXTRA}\n{SERVE}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert TO_INSTALL in ended.stderr
    assert "Traceback" not in ended.stderr


def test_run_says_what_to_install_as_the_endpoint_does(
    good: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """That it gets this far without the extra is in tests/test_rooms.py: nothing but the endpoint imports it."""

    def start(endpoint: LocalEndpoint) -> None:
        raise MotoMissingError(ModuleNotFoundError("no moto"))

    monkeypatch.setattr(LocalEndpoint, "start", start)
    assert status_of(good) == 2
    said = capsys.readouterr().err
    assert said.startswith("sm-pipelines run: ")
    assert TO_INSTALL in said
    assert "--aws" in said
