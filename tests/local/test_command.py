"""``python -m airflow_sm_pipelines.local``: what ends it at once. One that serves is in test_calls_out.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.command import serve
from tests.guarded.plugin import guarded_path


def test_a_wrong_scenario_is_told_with_its_file(tmp_path: Path) -> None:
    scenario = tmp_path / "wrong.json"
    scenario.write_text('{"jobs": [{"outcome": "Fails"}]}')
    with pytest.raises(SystemExit, match=r"wrong\.json: \$\.jobs\[0\]\.outcome: 'Fails' is none of"):
        serve("127.0.0.1", 0, scenario, 1.0)


def test_without_moto_it_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "moto.py").write_text("raise ImportError('no moto')\n")
    path = guarded_path(str(tmp_path), str(Path(__file__).parents[2]))
    command = [sys.executable, "-m", "airflow_sm_pipelines.local", "--port", "0"]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 1
    assert "install this package with the extra 'local'" in done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_room_loads_nothing_heavy() -> None:
    """What ``sm-pipelines run`` imports of it, and what a client does."""
    code = (
        "import sys; import airflow_sm_pipelines.local, airflow_sm_pipelines.local.endpoint, "
        "airflow_sm_pipelines.local.client, airflow_sm_pipelines.local.errors, airflow_sm_pipelines.local.reader; "
        "print([n for n in ('moto', 'boto3', 'botocore', 'flask', 'werkzeug', 'airflow') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
