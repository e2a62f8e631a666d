"""Processing job: measure the trained model on the test rows, and write ``evaluation.json``.

``model/`` holds the archive of the training job, ``test/`` a CSV file without a header, the label first. The pipeline's
condition reads ``regression_metrics.mse.value`` of the report.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from pathlib import Path

import joblib
import numpy as np
from sklearn.metrics import mean_absolute_error, r2_score

MODEL_FILE = "model.joblib"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-dir", type=Path, default=Path("/opt/ml/processing"))
    options = parser.parse_args()

    with tarfile.open(options.base_dir / "model" / "model.tar.gz") as archive:
        stored = archive.extractfile(MODEL_FILE)
        if stored is None:
            raise SystemExit(f"{MODEL_FILE} of the model is no file")
        model = joblib.load(stored)
    test = np.loadtxt(options.base_dir / "test" / "test.csv", delimiter=",", ndmin=2)
    labels, predictions = test[:, 0], model.predict(test[:, 1:])
    squared = (labels - predictions) ** 2

    report = {
        "regression_metrics": {
            "mse": {"value": float(squared.mean()), "standard_deviation": float(squared.std())},
            "mae": {"value": float(mean_absolute_error(labels, predictions))},
            "r2": {"value": float(r2_score(labels, predictions))},
        }
    }
    folder_of_report = options.base_dir / "evaluation"
    folder_of_report.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2)
    (folder_of_report / "evaluation.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
