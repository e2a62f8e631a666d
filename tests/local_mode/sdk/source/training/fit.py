"""Training job in script mode: a line through points, by gradient descent. It prints ``validation-loss``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from line import Line


def read(channel: str) -> list[tuple[float, float]]:
    text = "".join(path.read_text() for path in sorted(Path(channel).glob("*.csv")))
    pairs = (line.split(",") for line in text.splitlines())
    return [(float(label), float(feature)) for label, feature in pairs]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--rate", type=float, default=0.1)
    options = parser.parse_args()

    line = Line()
    rows = read(os.environ["SM_CHANNEL_TRAIN"])
    for _ in range(options.epochs):
        line.step(rows, options.rate)
    print(f"train-loss={line.loss(rows):.6f}")
    print(f"validation-loss={line.loss(read(os.environ['SM_CHANNEL_VALIDATION'])):.6f}")
    model = {"slope": line.slope, "intercept": line.intercept, "epochs": options.epochs, "rate": options.rate}
    (Path(os.environ["SM_MODEL_DIR"]) / "line.json").write_text(json.dumps(model))


if __name__ == "__main__":
    main()
