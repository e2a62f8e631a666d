"""Write the golden files anew: ``python tests/golden/update.py``. Review what changed: it changes what users run."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.corpus import documents
from tests.golden.render import GOLDEN, golden_file, golden_text


def main() -> None:
    """Write the file of every document, and remove those of documents that are gone or no longer readable."""
    kept = set()
    for name, data in documents().items():
        text = golden_text(name, data)
        if text is not None:
            file = golden_file(name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            kept.add(file)
    for file in GOLDEN.rglob("*.txt"):
        if file not in kept:
            file.unlink()
    sys.stdout.write(f"{len(kept)} golden files\n")


if __name__ == "__main__":
    main()
