"""Processing job with a source folder: make rows, and split them into train, validation and batch."""

from __future__ import annotations

import argparse
from pathlib import Path

from rows import make_rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--output", type=Path, default=Path("/opt/ml/processing/output"))
    options = parser.parse_args()

    rows = make_rows(options.rows, seed=7)
    third = options.rows // 4
    parts = {"train": rows[2 * third :], "validation": rows[:third], "batch": rows[third : 2 * third]}
    for name, part in parts.items():
        lines = [f"{label:.6f},{feature:.6f}" if name != "batch" else f"{feature:.6f}" for label, feature in part]
        folder = options.output / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        print(f"{name}: {len(lines)} rows")


if __name__ == "__main__":
    main()
