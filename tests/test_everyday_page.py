"""The page of everyday jobs names tests, and shows Python: the tests exist, and the Python can be read."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.test_security_page import ROOT, functions

PAGE = (ROOT / "docs/everyday.md").read_text()


def test_every_job_has_a_test_that_exists() -> None:
    rows = [line for line in PAGE.partition("## What shows it")[2].splitlines() if line.startswith("| ")][1:]
    named = [re.search(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", row) for row in rows]
    assert len(rows) == PAGE.count("\n## ") - 1
    assert [row for row, found in zip(rows, named, strict=True) if found is None] == []
    tests = [(ROOT / found[1], found[2]) for found in named if found]
    assert [f"{file}::{test}" for file, test in tests if not (test in functions(file) if test else file.exists())] == []


def test_the_python_of_the_page_can_be_read_and_its_links_lead_somewhere() -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [ast.parse(block) for block in blocks]
    links = {link.partition("#")[0] for link in re.findall(r"\]\(([^)]+)\)", PAGE)}
    assert {link for link in links if not (Path(ROOT) / "docs" / link).exists()} == set()
