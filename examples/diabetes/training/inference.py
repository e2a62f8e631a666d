"""How an endpoint or a batch transform serves the model: rows of ten numbers as CSV in, a number for each out."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np

CSV = "text/csv"


def model_fn(model_dir: str) -> Any:
    """The model that ``train.py`` has saved."""
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> np.ndarray:
    """The rows of a request."""
    if content_type != CSV:
        raise ValueError(f"the content type is {content_type}, not {CSV}")
    text = body.decode() if isinstance(body, bytes) else body
    return np.loadtxt(io.StringIO(text), delimiter=",", ndmin=2)


def predict_fn(rows: np.ndarray, model: Any) -> np.ndarray:
    """A prediction for each row."""
    print(f"{len(rows)} rows to predict")
    return np.asarray(model.predict(rows))


def output_fn(predictions: np.ndarray, accept: str) -> tuple[str, str]:
    """A line for each prediction, and its content type."""
    if accept != CSV:
        raise ValueError(f"{accept} was asked for, only {CSV} can be given")
    return "".join(f"{value:.6f}\n" for value in predictions), CSV
