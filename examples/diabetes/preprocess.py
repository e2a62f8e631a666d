"""Processing job: split the diabetes table into train, validation and test.

Reads the CSV files of ``input/`` (a header, the label first). Writes into ``train/``, ``validation/`` and ``test/`` one
CSV file each, without a header, the label first; and into ``batch/`` the rows of test without their label, in the same
order.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.model_selection import train_test_split

HELD_OUT_SHARE = 0.4


def read_tables(folder: Path) -> np.ndarray:
    """The rows of all CSV files of ``folder``."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"no CSV file in {folder}")
    return np.concatenate([np.loadtxt(file, delimiter=",", skiprows=1, ndmin=2) for file in files])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-dir", type=Path, default=Path("/opt/ml/processing"))
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()

    table = read_tables(options.base_dir / "input")
    train, held_out = train_test_split(table, test_size=HELD_OUT_SHARE, random_state=options.seed)
    validation, test = train_test_split(held_out, test_size=0.5, random_state=options.seed)
    for name, rows in {"train": train, "validation": validation, "test": test, "batch": test[:, 1:]}.items():
        folder = options.base_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(folder / f"{name}.csv", rows, delimiter=",", fmt="%.10g")
        print(f"{name}: {len(rows)} rows, {rows.shape[1]} columns")


if __name__ == "__main__":
    main()
