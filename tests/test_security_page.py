"""The page about security names tests: each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from airflow_sm_pipelines.options import OPTIONS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text()


def test_every_threat_has_a_test_that_exists() -> None:
    rows = [line for line in PAGE.partition("## Threats and tests")[2].splitlines() if line.startswith("| ")][1:]
    named = [re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row) for row in rows]
    assert rows
    assert [row for row, tests in zip(rows, named, strict=True) if not tests] == []
    assert [f"{file}::{test}" for tests in named for file, test in tests if test not in functions(ROOT / file)] == []


def functions(file: Path) -> set[str]:
    if not file.exists():
        return set()
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


def test_the_page_tells_of_every_limit() -> None:
    limits = {name for name in OPTIONS if name.startswith("allowed_")} | {"not_secret", "callback_endpoint"}
    assert {name for name in limits if name not in PAGE} == set()
