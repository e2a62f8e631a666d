"""Processing job: measure the trained model on the test split and write ``evaluation.json``.

Runs in the SageMaker XGBoost container, with the model archive in ``model/`` and the test CSV (label first,
no header) in ``test/``. The report's ``regression_metrics.mse.value`` is what the pipeline's condition reads.
"""

from __future__ import annotations

import argparse
import json
import tarfile
import tempfile
from pathlib import Path

import pandas as pd
import xgboost

MODEL_ARCHIVE = "model.tar.gz"
MODEL_FILE = "xgboost-model"


def load_model(archive: Path) -> xgboost.Booster:
    """The booster that the built-in algorithm left in ``model.tar.gz``."""
    booster = xgboost.Booster()
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            member = tar.extractfile(MODEL_FILE)
            if member is None:
                raise SystemExit(f"{MODEL_FILE} in {archive} is not a file")
            file = Path(folder) / MODEL_FILE
            file.write_bytes(member.read())
        booster.load_model(file)
    return booster


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-dir", type=Path, default=Path("/opt/ml/processing"))
    options = parser.parse_args()

    booster = load_model(options.base_dir / "model" / MODEL_ARCHIVE)
    test = pd.read_csv(options.base_dir / "test" / "test.csv", header=None)
    predictions = booster.predict(xgboost.DMatrix(test.iloc[:, 1:].to_numpy()))
    errors = test.iloc[:, 0].to_numpy() - predictions
    squared = errors**2

    report = {
        "regression_metrics": {
            "mse": {"value": float(squared.mean()), "standard_deviation": float(squared.std())},
            "mae": {"value": float(abs(errors).mean())},
        }
    }
    folder = options.base_dir / "evaluation"
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2)
    (folder / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
