"""What docs/command-line.md shows is what the commands print."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from airflow_sm_pipelines.cli.main import main
from airflow_sm_pipelines.validation.api_model import api_model
from airflow_sm_pipelines.validation.check_botocore import is_installed_older
from tests.botocores import INSTALLED

REPOSITORY = Path(__file__).parent.parent.parent
PAGE = (REPOSITORY / "docs" / "command-line.md").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    shutil.copy(REPOSITORY / "dags" / "pipelines" / "abalone.json", tmp_path / "pipelines")
    [draft] = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "pipelines" / "draft.json").write_text(draft)
    return tmp_path


def test_every_example_prints_what_the_page_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"```console\n\$ (.*?)\n(.*?)\n```", PAGE, re.DOTALL)
    assert len(examples) > 4
    for command, expected in examples:
        if command.startswith("sm-pipelines drift") and is_installed_older(api_model().botocore):
            continue
        main(shlex.split(command)[1:])
        assert capsys.readouterr().out.rstrip() == re.sub(r"botocore \d[\d.]*\d", f"botocore {INSTALLED}", expected)
