"""Runs inside a job: what the image of SageMaker's built-in XGBoost does with CSV and libsvm channels.

The label is the first column, there is no header, the log has a line for each round, the model is ``xgboost-model``.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost.html
"""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

CONFIG = Path("/opt/ml/input/config")
DATA = Path("/opt/ml/input/data")
MODEL = Path("/opt/ml/model")
NOT_XGBOOSTS = {
    *("num_round", "early_stopping_rounds", "csv_weights", "save_model_on_termination", "_tuning_objective_metric"),
    *("_kfold", "_num_cv_round", "verbosity"),
}


def fail(message: str) -> None:
    """End as a user error of the algorithm does."""
    Path("/opt/ml/output").mkdir(parents=True, exist_ok=True)
    Path("/opt/ml/output/failure").write_text(message)
    sys.exit(message)


def number(text: str) -> float:
    return float(text) if text.strip() else float("nan")


def load(channel: str, content_type: str, xgboost: Any) -> Any:
    """All files of a channel as one matrix."""
    files = sorted(file for file in (DATA / channel).rglob("*") if file.is_file())
    if "libsvm" in content_type:
        with tempfile.NamedTemporaryFile(suffix=".libsvm") as together:
            for file in files:
                together.write(file.read_bytes().rstrip(b"\n") + b"\n")
            together.flush()
            return xgboost.DMatrix(f"{together.name}?format=libsvm")
    import numpy

    rows = []
    for file in files:
        with file.open(newline="") as stream:
            rows += [[number(cell) for cell in row] for row in csv.reader(stream) if row]
    if not rows:
        fail(f"Customer Error: no rows in the channel {channel}")
    table = numpy.asarray(rows, dtype=float)  # xgboost brings it
    return xgboost.DMatrix(table[:, 1:], label=table[:, 0])


def main() -> None:
    try:
        import xgboost
    except ImportError:
        fail("the package xgboost is not installed in the job's Python; a rule's python can name one that has it")
        return
    given = json.loads((CONFIG / "hyperparameters.json").read_text())
    channels = json.loads((CONFIG / "inputdataconfig.json").read_text())
    if "num_round" not in given:
        fail("Customer Error: Hyperparameter num_round is missing")
    if "train" not in channels:
        fail("Customer Error: the channel train is missing")
    parameters = {name: value for name, value in given.items() if name not in NOT_XGBOOSTS}
    metric = given.get("_tuning_objective_metric", "").rpartition(":")[2]
    if metric:
        parameters["eval_metric"] = sorted({*parameters.get("eval_metric", metric).split(","), metric})
    watched = [
        (load(channel, about.get("ContentType", "text/csv"), xgboost), channel)
        for channel, about in sorted(channels.items())
        if channel in ("train", "validation")
    ]

    class Lines(xgboost.callback.TrainingCallback):  # type: ignore[misc]
        def after_iteration(self, _model: Any, epoch: int, evals_log: Any) -> bool:
            scores = [
                f"{channel}-{name}:{values[-1]:.5f}"
                for channel, metrics in evals_log.items()
                for name, values in metrics.items()
            ]
            print("\t".join([f"[{epoch}]", *scores]), flush=True)
            return False

    model = xgboost.train(
        parameters,
        next(matrix for matrix, channel in watched if channel == "train"),
        num_boost_round=int(given["num_round"]),
        evals=watched,
        early_stopping_rounds=int(given["early_stopping_rounds"]) if "early_stopping_rounds" in given else None,
        verbose_eval=False,
        callbacks=[Lines()],
    )
    MODEL.mkdir(parents=True, exist_ok=True)
    (MODEL / "xgboost-model").write_bytes(model.save_raw("ubj"))


if __name__ == "__main__":
    main()
