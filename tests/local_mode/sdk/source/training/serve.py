"""How the line is served."""

from __future__ import annotations

import json
from pathlib import Path

from line import Line


def model_fn(model_dir: str) -> Line:
    model = json.loads((Path(model_dir) / "line.json").read_text())
    return Line(model["slope"], model["intercept"])


def input_fn(body: str | bytes, content_type: str) -> list[float]:
    assert content_type == "text/csv"
    text = body.decode() if isinstance(body, bytes) else body
    return [float(line) for line in text.splitlines()]


def predict_fn(features: list[float], line: Line) -> list[float]:
    return [line.predict(feature) for feature in features]


def output_fn(predictions: list[float], accept: str) -> tuple[str, str]:
    assert accept == "text/csv"
    return "".join(f"{value:.6f}\n" for value in predictions), accept
