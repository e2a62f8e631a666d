"""Where the time goes that ``bench/rows/build.py`` and ``bench/rows/imports.py`` measure.

python -m bench.profiles build 200     a build of 200 steps, by cProfile
python -m bench.profiles imports       our modules by ``-X importtime``: the least wall time of each
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import re
import tempfile
import time
from pathlib import Path

from bench.home import environment
from bench.measuring import no_collection
from bench.rows.imports import RUNS, run
from bench.samples import definition

LISTED = 40
LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(airflow_sm_pipelines\S*)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("build", "imports"))
    parser.add_argument("steps", type=int, nargs="?", default=200)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        os.environ |= environment(Path(home))
        if given.what == "build":
            of_build(given.steps)
        else:
            of_imports()


def of_build(steps: int) -> None:
    from airflow_sm_pipelines import SageMakerPipelineDag

    text = json.dumps(definition(steps))
    SageMakerPipelineDag(text, dag_id="ours")
    profiler = cProfile.Profile(time.process_time)
    with no_collection():
        profiler.runcall(SageMakerPipelineDag, text, dag_id="ours")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(LISTED)


def of_imports() -> None:
    run()
    lines = [LINE.findall(run("-X", "importtime").stderr) for _ in range(RUNS)]
    own = {name: min(int(line[0]) for each in lines for line in each if line[1] == name) for _, name in lines[0]}
    for name, microseconds in sorted(own.items(), key=lambda item: -item[1])[:LISTED]:
        print(f"{microseconds / 1000:8.2f} ms  {name}")


if __name__ == "__main__":
    main()
