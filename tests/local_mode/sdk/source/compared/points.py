"""Processing job: points near a line, as CSV."""

import argparse
import random
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--count", type=int, required=True)
parser.add_argument("--output", type=Path, required=True)
options = parser.parse_args()

source = random.Random(5)
rows = [(x, 2 * x + 1 + source.gauss(0, 0.1)) for x in (source.random() for _ in range(options.count))]
(options.output / "points.csv").write_text("".join(f"{x:.6f},{y:.6f}\n" for x, y in rows))
print(f"{len(rows)} points")
