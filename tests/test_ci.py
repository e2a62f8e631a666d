"""``.ci/run`` on another machine than ours: a user who is not root, ``docker compose``, PostgreSQL not yet started."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What the script calls; each tells of its call, and most do nothing.
NOTES = '#!/bin/sh\necho "$(basename "$0") $*" >> "$NOTES"\n'
PROGRAMS = {
    "apt-get": "",
    "bwrap": "",
    "chromedriver": "",
    "chromium": "",
    "docker": "",
    "id": 'case "$1" in -un) echo runner;; *) echo 1001;; esac',
    "make": 'echo "PostgreSQL: $SM_PIPELINES_TEST_POSTGRES" >> "$NOTES"',
    "pg_ctlcluster": "",
    "pg_isready": "exit 2",
    "psql": "",
    "python3": "echo 3.11",
    "redis-server": "",
    "su": "",
    "sudo": '"$@"',
}
REAL = ("basename", "dirname", "ls", "sh", "tail")


def calls_of(tmp_path: Path, *arguments: str) -> list[str]:
    """The calls of a run of the script, in their order."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, does in PROGRAMS.items():
        (programs / name).write_text(f"{NOTES}{does}\n")
        (programs / name).chmod(0o755)
    for name in REAL:
        (programs / name).symlink_to(str(shutil.which(name)))
    notes = tmp_path / "notes"
    environment = {"PATH": str(programs), "NOTES": str(notes)}
    subprocess.run([str(shutil.which("bash")), ".ci/run", *arguments], cwd=ROOT, env=environment, check=True)
    return notes.read_text().splitlines()


@pytest.fixture
def called(tmp_path: Path) -> list[str]:
    return calls_of(tmp_path)


def test_the_user_of_the_machine_gets_a_role_of_postgresql(called: list[str]) -> None:
    assert "su postgres -c createuser --superuser runner" in called
    assert "PostgreSQL: postgresql://runner@/postgres?host=/var/run/postgresql" in called


def test_nothing_is_installed_where_docker_has_compose(called: list[str]) -> None:
    assert "docker compose version" in called
    assert [call for call in called if call.startswith("apt-get")] == []


def test_the_cheap_part_of_the_matrix_runs_beside_the_tests(called: list[str]) -> None:
    [made] = [call for call in called if call.startswith("make ")]
    assert {"lint", "licences", "dist", "docs", "test", "matrix"} <= set(made.split())
    assert {"SETS=bare", "PYTHONS=3.11"} <= set(made.split())
    # A set needs the wheel, which `dist` makes: one make runs both, so that it is made once and before.
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(r"^matrix:.*\bdist\b", makefile, re.MULTILINE)


def test_other_targets_find_what_their_tests_need(tmp_path: Path) -> None:
    called = calls_of(tmp_path, "matrix", "SETS=lowest", "PYTHONS=3.12")
    assert [call for call in called if call.startswith("make ")] == ["make matrix SETS=lowest PYTHONS=3.12"]
    assert "PostgreSQL: postgresql://runner@/postgres?host=/var/run/postgresql" in called
    assert "docker compose version" not in called
