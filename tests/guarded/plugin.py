"""A pytest plugin: guards this process and its children, and fails the test during which one tried to leave."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

import pytest

from tests.guarded.on_path import sitecustomize

FOLDER, RECORD = sitecustomize.FOLDER, sitecustomize.RECORD
_started = sys.modules.get("sitecustomize")
# This process may be guarded since its start: as a worker of pytest-xdist, or as a child of a test.
IS_GUARDED = getattr(_started, "FOLDER", None) == FOLDER
OutsideError: type[RuntimeError] = getattr(_started, "OutsideError", sitecustomize.OutsideError)
_folder = Path(tempfile.mkdtemp(prefix="sm-pipelines-guard-"))
_record, _empty = _folder / "attempts", _folder / "empty"
_record.touch()
_empty.touch()

ENVIRONMENT: Mapping[str, str] = {
    RECORD: str(_record),
    "PYTHONPATH": FOLDER,
    # Whoever runs the tests may have credentials in ~/.aws, or a role by the machine it runs on.
    "AWS_CONFIG_FILE": str(_empty),
    "AWS_SHARED_CREDENTIALS_FILE": str(_empty),
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What a process needs in its environment to be guarded."""


def guarded_path(*folders: str) -> str:
    """A ``PYTHONPATH`` of these folders for a process that is guarded."""
    return os.pathsep.join([FOLDER, *folders])


def attempts() -> list[str]:
    """What tried to leave since this was asked last: a line each. Whoever asks answers for it: no test fails for it."""
    if not _record.stat().st_size:
        return []  # asked three times a test
    lines = _record.read_text().splitlines()
    _record.write_text("")
    return lines


def _fail_for_attempts() -> None:
    if lines := attempts():
        pytest.fail("tests do not leave this machine:\n" + "\n".join(lines), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, None, None]:
    yield
    _fail_for_attempts()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    yield
    _fail_for_attempts()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None, None, None]:
    yield
    _fail_for_attempts()


for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ.update({**ENVIRONMENT, "PYTHONPATH": guarded_path(*filter(None, [os.environ.get("PYTHONPATH")]))})
# Tests that give a child their own sys.path give it the guard.
sys.path.insert(0, FOLDER)
if not IS_GUARDED:
    sitecustomize.install()
