"""Mutated corpus documents give findings or a Dag, and never another exception, a second, or 200 MB.

``python bench/mutations.py [COUNT [SEED]]``: mutations are those of ``tests/fuzz/mutations.py``, documents those
of the corpus (see ``tests/corpus.py``). Prints the counts, the longest time and the peak memory. ``make fuzz`` is about
what becomes of such a document further on.
"""

from __future__ import annotations

import json
import os
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from tests.corpus import documents
from tests.fuzz.mutations import mutated

MEASURED = 200


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sources = [document for document in documents().values() if len(document) < 200_000]
    dags = refused = 0
    slowest = 0.0
    largest = 0
    for number in range(count):
        text = mutated(json.loads(chance.choice(sources)), chance)
        if number < MEASURED:
            tracemalloc.start()
        started = time.perf_counter()
        try:
            SageMakerPipelineDag("{" + text[1:] if text else "{", dag_id="mutated")
            dags += 1
        except DefinitionError:
            refused += 1
        if number < MEASURED:
            largest = max(largest, tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        else:
            slowest = max(slowest, time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{count} mutated documents: {dags} Dags, {refused} refused with findings; slowest {slowest:.3f} s;"
        f" most memory of one (of {MEASURED} measured) {largest / 2**20:.1f} MiB; the process's peak {peak:.0f} MiB"
    )


if __name__ == "__main__":
    main()
