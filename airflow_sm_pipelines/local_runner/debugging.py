"""A shell where a job has run: its folder or namespace, its environment."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from airflow_sm_pipelines.local_runner.folder import JobFolder

LAUNCH = "launch.json"
SHELL = "cd {} && exec $(command -v bash || echo /bin/sh) -i"


def write_launch(folder: JobFolder, prefix: Sequence[str], working: str, environment: Mapping[str, str]) -> None:
    """Note how a job is started, where the job cannot change it."""
    launch = {"prefix": list(prefix), "working": working, "environment": dict(environment)}
    (folder.path / LAUNCH).write_text(json.dumps(launch))


def open_shell(path: Path) -> int | None:
    """Open a shell in the job's folder, and wait for it; its exit status, ``None`` for a job that never started."""
    try:
        launch = json.loads((path / LAUNCH).read_text())
    except FileNotFoundError:
        return None
    command = [*launch["prefix"], "/bin/sh", "-c", SHELL.format(shlex.quote(launch["working"]))]
    environment = {**launch["environment"], "PS1": "job:\\w$ "}
    return subprocess.run(command, env=environment, cwd=path / "root", check=False).returncode  # noqa: S603 # as the job
