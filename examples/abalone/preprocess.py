"""Processing job: split the Abalone table into train, validation and test.

Runs in the SageMaker scikit-learn container. The input folder holds CSV files without a header, in the
columns of the UCI Abalone data set; each output folder gets one CSV file with the label (``rings``) first
and no header, which is what the built-in XGBoost algorithm reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

COLUMNS = (
    "sex",
    "length",
    "diameter",
    "height",
    "whole_weight",
    "shucked_weight",
    "viscera_weight",
    "shell_weight",
    "rings",
)
LABEL = "rings"
SEXES = ("F", "I", "M")
TRAIN_SHARE = 0.7
VALIDATION_SHARE = 0.15


def read_tables(folder: Path) -> pd.DataFrame:
    """All CSV files of ``folder`` as one table."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise SystemExit(f"no CSV file in {folder}")
    return pd.concat([pd.read_csv(file, header=None, names=list(COLUMNS)) for file in files], ignore_index=True)


def to_features(table: pd.DataFrame) -> pd.DataFrame:
    """The label first, then the numbers with gaps filled by the median, then sex as three 0/1 columns."""
    numbers = table.drop(columns=["sex", LABEL])
    numbers = numbers.fillna(numbers.median())
    sexes = pd.DataFrame({f"sex_{sex}": (table["sex"] == sex).astype(int) for sex in SEXES})
    return pd.concat([table[[LABEL]], numbers, sexes], axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-dir", type=Path, default=Path("/opt/ml/processing"))
    parser.add_argument("--seed", type=int, default=17)
    options = parser.parse_args()

    table = to_features(read_tables(options.base_dir / "input")).dropna(subset=[LABEL])
    table = table.sample(frac=1.0, random_state=options.seed)
    first = round(len(table) * TRAIN_SHARE)
    second = round(len(table) * (TRAIN_SHARE + VALIDATION_SHARE))
    parts = {
        "train": table.iloc[:first],
        "validation": table.iloc[first:second],
        "test": table.iloc[second:],
    }
    for name, part in parts.items():
        folder = options.base_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        part.to_csv(folder / f"{name}.csv", header=False, index=False)
        print(f"{name}: {len(part)} rows")


if __name__ == "__main__":
    main()
