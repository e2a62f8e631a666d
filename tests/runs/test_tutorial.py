"""docs/tutorial.md, word by word: its commands in one shell, in a folder in which the package is installed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documentation.blocks import ROOT, blocks_of

pytestmark = pytest.mark.airflow
PAGE = ROOT / "docs" / "tutorial.md"
# The page says that it fails, and why.
FAILS = "airflow sm-pipelines run abalone.json"


def commands() -> list[str]:
    """All lines but those that install."""
    shown = [block.text for block in blocks_of(PAGE) if block.language == "sh" and "pip install" not in block.text]
    return [line for text in shown for line in text.splitlines()]


def test_every_command_does_what_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "source").symlink_to(ROOT)
    script = "\n".join(f"{line}\necho '$ {line} ->' $?" for line in commands())
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # As on a user's machine: no setting of the tests but their guard.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    answer = subprocess.run(
        ["bash"],
        cwd=tmp_path,
        env={**environment, "PATH": path, "HOME": str(tmp_path / "user")},
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    ended = dict(line[2:].rsplit(" -> ", 1) for line in answer.stdout.splitlines() if line.startswith("$ "))
    assert ended == {line: "1" if line == FAILS else "0" for line in commands()}, answer.stdout
    parts = answer.stdout.split("\n$ ")
    said = {part.partition(" -> ")[0]: before for before, part in zip(["", *parts], parts, strict=False)}
    assert "1 definition checked: 0 errors, 0 warnings" in said["sm-pipelines lint abalone.json"]
    assert "evaluation.json does not exist" in said[FAILS]
    [succeeds] = [line for line in commands() if line.startswith(f"{FAILS} --scenario")]
    assert "Succeeded after" in said[succeeds]
    assert re.search(r"^abalone +\|", said["airflow dags list"], re.MULTILINE), said["airflow dags list"]
