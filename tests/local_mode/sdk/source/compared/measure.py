"""Processing job: how far the points are from the line."""

import argparse
import json
import tarfile
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--model", type=Path, required=True)
parser.add_argument("--points", type=Path, required=True)
parser.add_argument("--report", type=Path, required=True)
options = parser.parse_args()

with tarfile.open(options.model / "model.tar.gz") as archive:
    model = json.load(archive.extractfile(next(each for each in archive if each.name.endswith("slope.json"))))
points = [
    tuple(float(value) for value in line.split(",")) for line in (options.points / "points.csv").read_text().split()
]
errors = [(model["y"] + model["slope"] * (x - model["x"]) - y) ** 2 for x, y in points]
(options.report / "report.json").write_text(json.dumps({"loss": sum(errors) / len(errors)}))
