"""Every readable document of the corpus has the graph and the requests that its golden file says.

``python tests/golden/update.py`` writes the files anew.
"""

from __future__ import annotations

import difflib
import os
from functools import cache

from tests.corpus import documents
from tests.golden.render import GOLDEN, golden_file, golden_text


@cache
def texts() -> dict[str, str | None]:
    """By the documents' names."""
    return {name: golden_text(name, data) for name, data in documents().items()}


def test_every_document_is_what_its_golden_file_says() -> None:
    changed = []
    for name, text in texts().items():
        file = golden_file(name)
        if file.exists() and text != (kept := file.read_text(encoding="utf-8")):
            lines = difflib.unified_diff(kept.splitlines(), (text or "").splitlines(), name, "now", lineterm="", n=1)
            changed.append("\n".join(list(lines)[:20]))
    assert not changed, "\n\n".join(changed[:5])


def test_every_readable_document_has_a_golden_file() -> None:
    expected = {golden_file(name) for name, text in texts().items() if text is not None}
    files = set(GOLDEN.rglob("*.txt"))
    if "SM_PIPELINES_CORPUS" in os.environ:
        # Another corpus may have other documents; those that are in both are compared above.
        assert expected
    else:
        assert expected == files
    assert sum(file.stat().st_size for file in files) < 3_000_000
