"""Real pipeline definitions to test on: a folder beside the repository, or the one that SM_PIPELINES_CORPUS names."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).parent.parent


def root() -> Path:
    return Path(os.environ.get("SM_PIPELINES_CORPUS", _REPOSITORY.parent / "shared" / "corpus"))


@cache
def runnable_names() -> tuple[str, ...]:
    """The documents that INVALID.md does not name; none where the corpus is missing."""
    if not (root() / "INVALID.md").exists():
        return ()
    named = set(re.findall(r"^  - (.*\.json)$", (root() / "INVALID.md").read_text(), re.MULTILINE))
    found = (path.relative_to(root()).as_posix() for path in sorted(root().rglob("*.json")))
    return tuple(name for name in found if name not in named)


@cache
def documents() -> dict[str, bytes]:
    """Every document by its name within the corpus.

    Without the corpus the calling test is skipped. It fails where CI is set, unless SM_PIPELINES_CORPUS is ``none``.
    """
    root = Path(os.environ.get("SM_PIPELINES_CORPUS", _REPOSITORY.parent / "shared" / "corpus"))
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.json"))}
    if not found:
        message = "no corpus of definitions: set SM_PIPELINES_CORPUS to its folder"
        if os.environ.get("CI") and os.environ.get("SM_PIPELINES_CORPUS") != "none":
            pytest.fail(message)
        pytest.skip(message)
    return found


@cache
def invalid_documents() -> dict[str, str]:
    """The documents whose definition itself is wrong, each with what is wrong: INVALID.md, first section."""
    documents()
    root = Path(os.environ.get("SM_PIPELINES_CORPUS", _REPOSITORY.parent / "shared" / "corpus"))
    section = (root / "INVALID.md").read_text().split("\n## ")[1]
    invalid = {}
    reason = ""
    for line in section.splitlines():
        if found := re.fullmatch(r"- (.*)", line):
            reason = found.group(1)
        elif found := re.fullmatch(r"  - (.*\.json)", line):
            invalid[found.group(1)] = reason
    return invalid
