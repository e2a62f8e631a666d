"""Training job with an entry point of its own: the slope of the line through the mean, shrunk."""

import json
from pathlib import Path

ML = Path(__file__).parents[3]
shrink = float(json.loads((ML / "input" / "config" / "hyperparameters.json").read_text())["shrink"])
lines = (ML / "input" / "data" / "points" / "points.csv").read_text().split()
points = [tuple(float(value) for value in line.split(",")) for line in lines]
mean_x = sum(x for x, _ in points) / len(points)
mean_y = sum(y for _, y in points) / len(points)
slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)
model = {"slope": slope * (1 - shrink), "x": mean_x, "y": mean_y}
(ML / "model").mkdir(exist_ok=True)
(ML / "model" / "slope.json").write_text(json.dumps(model))
print(model)
