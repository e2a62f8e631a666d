"""pip for a job's requirements is a process of the job: it ends when the job is to."""

from __future__ import annotations

import sys
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from airflow_sm_pipelines.local_runner.folder import JobFolder
from airflow_sm_pipelines.local_runner.installing import Installer, InstallStoppedError
from airflow_sm_pipelines.local_runner.interpreters import InterpreterError, interpreter_at
from tests.local_runner.jobs import wait_until
from tests.local_runner.test_containment import processes_with


def test_an_installation_ends_with_its_job_and_leaves_nothing(tmp_path: Path) -> None:
    mark, started = f"mark-{uuid.uuid4().hex}", tmp_path / "started"
    slow = ("/bin/sh", "-c", f"touch {started}; (sleep 600; : {mark}) & wait")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy\n")
    cache = tmp_path / "cache"
    installer = Installer(JobFolder(tmp_path / "job"), cache, started.exists)
    with pytest.raises(InstallStoppedError):
        installer.with_requirements(replace(interpreter_at(Path(sys.executable)), pip=slow), requirements, on_top=False)
    wait_until(lambda: not processes_with(mark), "nothing of pip runs")
    assert [found.suffix for found in cache.iterdir()] == [".lock"]


def test_the_last_lines_of_a_pip_that_fails_are_told(tmp_path: Path) -> None:
    failing = ("/bin/sh", "-c", "pwd; echo no such package; exit 1")
    requirements = tmp_path / "requirements.txt"
    requirements.write_text("numpy\n")
    installer = Installer(JobFolder(tmp_path / "job"), tmp_path / "cache", lambda: False)
    with pytest.raises(InterpreterError, match=f"could not be installed:\n{tmp_path}\nno such package$"):
        installer.with_requirements(
            replace(interpreter_at(Path(sys.executable)), pip=failing), requirements, on_top=False
        )
