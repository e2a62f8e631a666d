"""Training job in script mode: gradient-boosted trees that predict the progression of the disease.

Hyperparameters come as arguments, the channels ``train`` and ``validation`` as folders of CSV files without a header,
the label first. The model goes into the model folder, with ``inference.py`` beside it for whoever serves it.
"""

from __future__ import annotations

import argparse
import os
import shutil
from pathlib import Path

import joblib
import numpy as np
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import mean_squared_error


def read_channel(folder: str) -> tuple[np.ndarray, np.ndarray]:
    """The features and the labels of a channel."""
    rows = np.concatenate([np.loadtxt(file, delimiter=",", ndmin=2) for file in sorted(Path(folder).glob("*.csv"))])
    return rows[:, 1:], rows[:, 0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n-estimators", type=int, default=100)
    parser.add_argument("--max-depth", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--model-dir", type=Path, default=os.environ.get("SM_MODEL_DIR", "/opt/ml/model"))
    parser.add_argument("--train", default=os.environ.get("SM_CHANNEL_TRAIN", "/opt/ml/input/data/train"))
    parser.add_argument("--validation", default=os.environ.get("SM_CHANNEL_VALIDATION"))
    options = parser.parse_args()

    features, labels = read_channel(options.train)
    print(f"train: {len(labels)} rows")
    model = GradientBoostingRegressor(
        n_estimators=options.n_estimators,
        max_depth=options.max_depth,
        learning_rate=options.learning_rate,
        subsample=0.7,
        random_state=0,
    )
    model.fit(features, labels)
    print(f"train-mse: {mean_squared_error(labels, model.predict(features)):.4f}")
    if options.validation:
        features, labels = read_channel(options.validation)
        print(f"validation-mse: {mean_squared_error(labels, model.predict(features)):.4f}")

    joblib.dump(model, options.model_dir / "model.joblib")
    code = options.model_dir / "code"
    code.mkdir(exist_ok=True)
    shutil.copy(Path(__file__).with_name("inference.py"), code)


if __name__ == "__main__":
    main()
