"""Tests that need bubblewrap skip on a developer's machine without it, and fail in CI."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_sm_pipelines.local_runner.isolation import why_no_bubblewrap
from tests.bubblewrap import need_bubblewrap


@pytest.fixture(autouse=True)
def asked_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The only programs are those in ``tmp_path``."""
    monkeypatch.setenv("PATH", str(tmp_path))
    why_no_bubblewrap.cache_clear()
    yield
    why_no_bubblewrap.cache_clear()


def test_without_it_a_developers_test_is_skipped_and_that_of_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="not installed"):
        need_bubblewrap()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needed in CI: bubblewrap"):
        need_bubblewrap()


def test_where_no_namespace_can_be_made_it_is_skipped_and_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.skip.Exception, match=r"no namespaces: .*No permissions"):
        need_bubblewrap()
