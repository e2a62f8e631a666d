"""Print the example's input, ``diabetes.csv``: the diabetes data set that is part of scikit-learn.

442 patients: ten measurements, and how far the disease had gone a year later (``progression``). Source: Efron, Hastie,
Johnstone and Tibshirani, "Least Angle Regression", Annals of Statistics, 2004.
"""

from __future__ import annotations

import csv
import sys

from sklearn.datasets import load_diabetes

LABEL = "progression"


def main() -> None:
    data = load_diabetes(scaled=False)
    writer = csv.writer(sys.stdout)
    writer.writerow([LABEL, *data.feature_names])
    writer.writerows([label, *row] for label, row in zip(data.target.tolist(), data.data.tolist(), strict=True))


if __name__ == "__main__":
    main()
