"""Mutated corpus documents give findings or a Dag, and never another exception, a second, or 200 MB.

``python bench/mutations.py [COUNT [SEED]]``: a mutation deletes, repeats or replaces one to four places of a document
of the corpus (see ``tests/corpus.py``), or cuts its text. Prints the counts, the longest time and the peak memory.
"""

from __future__ import annotations

import copy
import json
import os
import random
import resource
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from airflow_sm_pipelines import DefinitionError, SageMakerPipelineDag
from tests.corpus import documents

JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1e308, "", "x", "{{ ds }}", [], {}, [[]], {"Get": "Parameters.X"}, {"Get": 1},
    {"Get": "Steps.A.B[0]['c']"}, {"Std:Join": {"On": "/", "Values": [{"Get": "Execution.PipelineName"}]}},
    {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.A.PropertyFiles.B"}, "Path": "a[*]"}}, "\ud800", "é" * 300,
)  # fmt: skip
MEASURED = 200


def places(node: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        keys: Any = current if isinstance(current, dict) else range(len(current)) if isinstance(current, list) else ()
        for key in keys:
            found.append((current, key))
            stack.append(current[key])
    return found


def mutate(document: Any, chance: random.Random) -> str:
    for _ in range(chance.randint(1, 4)):
        holder, key = chance.choice(places(document))
        match chance.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(chance.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
            case 2:
                _, other = chance.choice(places(document))
                holder[key] = other
            case _:
                holder[key] = copy.deepcopy(chance.choice(JUNK))
        if not places(document):
            break
    text = json.dumps(document)
    return text[: chance.randrange(len(text))] if chance.random() < 0.02 else text


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    chance = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    sources = [document for document in documents().values() if len(document) < 200_000]
    dags = refused = 0
    slowest = 0.0
    largest = 0
    for number in range(count):
        text = mutate(json.loads(chance.choice(sources)), chance)
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
