"""How long loading takes for twice as much: findings, steps, parameters, edges, definitions and jobs.

A definition is loaded as ``load_dags`` does and its Dag serialized as the dag-processor does, n and 2n in turn in one
process; for some of them, memory is the peak of one such load by ``tracemalloc``. Jobs are waited for by our triggers
for some intervals. Twice the size should take about twice as much, or nothing more where a limit holds.
"""

from __future__ import annotations

import asyncio
import gc
import json
import statistics
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from bench.measuring import Figure, Measure, Spread, cpu_seconds, in_turn, ratios
from bench.watched_jobs import create_jobs, endpoint, ours, watched

LIMIT = 2.1
ROUNDS = 3
MEMORY_OF = ("steps in a chain", "edges", "definitions")
"""Where ``tracemalloc``, which takes several times as long as the load, tells something."""
DEFINITIONS = 100
JOBS = 150
INTERVAL = 2
Json = dict[str, Any]


def step(name: str, arguments: Any = None, **members: Any) -> Json:
    """A Lambda step."""
    return {"Name": name, "Type": "Lambda", "FunctionArn": "arn", "Arguments": arguments or {}, **members}


def parameter(name: str) -> Json:
    return {"Name": name, "Type": "String", "DefaultValue": "x"}


def findings(count: int) -> Json:
    """Steps that are no objects."""
    return {"Steps": [1] * count}


def unknown_keys(count: int) -> Json:
    """Keys of one step that it does not have: warnings."""
    return {"Steps": [{**step("A"), **{f"FunctionAr{n}": 1 for n in range(count)}}]}


def misspelt(count: int) -> Json:
    """References to parameters that are called a little otherwise, of which there are a quarter as many."""
    wrong = {f"k{n}": {"Get": f"Parameters.some-parameter_{n}"} for n in range(count)}
    return {"Parameters": [parameter(f"some-parameter-{n}") for n in range(count // 4)], "Steps": [step("A", wrong)]}


def misspelt_steps(count: int) -> Json:
    """Steps that wait for steps that are called a little otherwise."""
    return {"Steps": [step(f"some-step-{n}", DependsOn=[f"some-stepp-{n}"]) for n in range(count)]}


def steps(count: int) -> Json:
    """A chain of steps, each with a reference to the one before."""
    return {
        "Steps": [
            step(
                f"s{n}", {"x": {"Get": f"Steps.s{n - 1}.OutputParameters['o']"}} if n else None, OutputParameters=OUTPUT
            )
            for n in range(count)
        ]
    }


OUTPUT = [{"OutputName": "o", "OutputType": "String"}]


def fan(count: int) -> Json:
    """One step before all others, and one after them."""
    middle = [f"s{n}" for n in range(count - 2)]
    inside = [step(name, DependsOn=["first"]) for name in middle]
    return {"Steps": [step("first"), *inside, step("last", DependsOn=middle)]}


def branches(count: int) -> Json:
    """Condition steps in a row, each with a step in its branch, on which the step in the next branch waits."""
    pairs = []
    for n in range(count // 2):
        inside = step(f"s{n}", DependsOn=[f"s{n - 1}"] if n else [])
        arguments = {"Conditions": [], "IfSteps": [inside], "ElseSteps": []}
        pairs.append({"Name": f"c{n}", "Type": "Condition", "Arguments": arguments})
    return {"Steps": pairs}


def ring(count: int) -> Json:
    """Steps that wait for each other."""
    return {"Steps": [step(f"s{n}", DependsOn=[f"s{(n + 1) % count}"]) for n in range(count)]}


def edges(count: int) -> Json:
    """Dependencies: 200 steps each wait for as many others as it takes."""
    before = [f"a{n}" for n in range(count // 200)]
    return {"Steps": [*map(step, before), *(step(f"b{n}", DependsOn=before) for n in range(200))]}


def parameters(count: int) -> Json:
    """Parameters, each used in one step."""
    used = {f"k{n}": {"Get": f"Parameters.p{n}"} for n in range(count)}
    return {"Parameters": [parameter(f"p{n}") for n in range(count)], "Steps": [step("A", used)]}


KINDS: dict[str, tuple[int, Callable[[int], Json]]] = {
    "findings": (5000, findings),
    "unknown keys": (5000, unknown_keys),
    "misspelt parameters": (1000, misspelt),
    "misspelt steps": (1000, misspelt_steps),
    "steps in a chain": (500, steps),
    "steps in a fan": (500, fan),
    "steps in branches": (500, branches),
    "steps in a ring": (500, ring),
    "edges": (25_000, edges),
    "parameters": (100, parameters),
}
"""Of what there are n, and a definition of it. A pipeline has at most 200 parameters."""


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as base:
        for kind, (count, make) in KINDS.items():
            folders = [_folder(Path(base), f"{kind}-{n}", [make(n)]) for n in (count, 2 * count)]
            yield from _loaded(kind, count, folders)
        few = steps(5)
        folders = [_folder(Path(base), f"definitions-{n}", [few] * n) for n in (DEFINITIONS, 2 * DEFINITIONS)]
        yield from _loaded("definitions", DEFINITIONS, folders)
    with endpoint() as client:
        names = create_jobs(client.url, 2 * JOBS)

        def wait(count: int) -> None:
            async def some_intervals() -> None:
                async with watched(client, ours, names[:count], INTERVAL):
                    await asyncio.sleep(2 * INTERVAL)

            asyncio.run(some_intervals())

        works = [partial(wait, count) for count in (JOBS, 2 * JOBS)]
        yield _growth("jobs that are waited for, time", JOBS, *map(cpu_seconds, works))


def _folder(base: Path, name: str, definitions: list[Json]) -> Path:
    folder = base / name
    folder.mkdir()
    for number, each in enumerate(definitions):
        (folder / f"pipeline-{number}.json").write_text(json.dumps(each))
    return folder


def _load(folder: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import load_dags

    for dag in load_dags(folder).values():
        DagSerialization.to_dict(dag)


def _loaded(kind: str, count: int, folders: list[Path]) -> Iterator[Figure]:
    yield _growth(f"{kind}, time", count, *(cpu_seconds(partial(_load, folder)) for folder in folders))
    if kind not in MEMORY_OF:
        return
    once, twice = (_peak(folder) for folder in folders)
    texts = (f"{twice:.1f} MiB", f"{once:.1f} MiB")
    yield Figure(f"{kind}, memory: {count:,} → {2 * count:,}", *texts, Spread.of([twice / once]), LIMIT)


def _growth(what: str, count: int, once: Measure, twice: Measure) -> Figure:
    taken = in_turn({"n": once, "2n": twice}, ROUNDS)
    after, before = (f"{statistics.median(taken[name]):.3f} s" for name in ("2n", "n"))
    return Figure(f"{what}: {count:,} → {2 * count:,}", after, before, ratios(taken["2n"], taken["n"]), LIMIT)


def _peak(folder: Path) -> float:
    """The MiB that a load has at most."""
    gc.collect()
    tracemalloc.start()
    try:
        _load(folder)
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
        gc.collect()
