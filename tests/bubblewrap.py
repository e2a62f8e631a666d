"""What a test needs that runs a job in namespaces of its own."""

from __future__ import annotations

import shutil

import pytest

from airflow_sm_pipelines.local_runner.isolation import why_no_bubblewrap
from tests.system.processes import missing


def need_bubblewrap() -> None:
    """Skip the test where bubblewrap cannot be used. That it is not installed is a failure in CI, which installs it."""
    why = why_no_bubblewrap()
    if why is None:
        return
    if shutil.which("bwrap") is None:
        missing(why)
    pytest.skip(f"this machine allows no namespaces: {why}")
