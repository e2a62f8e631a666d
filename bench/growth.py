"""How load time and peak memory grow with a definition: findings, steps, parameters and edges at n, 2n and 4n.

Each figure is taken in a process of its own, which loads the definition as ``load_dags`` does and serializes its Dag
as the dag-processor does: CPU seconds of the load, of the serialization, peak memory above that of a definition of one
step, and the characters of the serialized Dag. Twice the size should take about twice as much, or nothing more where a
limit holds. Nothing is judged here. ``python bench/growth.py [KIND …]``
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))
os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "CRITICAL")

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
    "parameters": (200, parameters),
}


def measure(text: str) -> list[float]:
    """CPU seconds of load and serialization, MiB of peak memory, and characters of the serialized Dag."""
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import load_dags

    folder = Path(tempfile.mkdtemp(prefix="growth-"))
    (folder / "small.json").write_text(json.dumps({"Steps": [step("A")]}))
    for dag in load_dags(folder).values():
        DagSerialization.to_dict(dag)
    (folder / "small.json").unlink()
    (folder / "measured.json").write_text(text)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    [dag] = load_dags(folder).values()
    loaded = time.process_time()
    data = DagSerialization.to_dict(dag)
    ended = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return [loaded - started, ended - loaded, peak / 1024, len(json.dumps(data))]


def in_a_process(text: str) -> list[float]:
    done = subprocess.run(
        [sys.executable, __file__, "--measure"], input=text, capture_output=True, text=True, check=True
    )
    figures: list[float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    if sys.argv[1:] == ["--measure"]:
        print(json.dumps(measure(sys.stdin.read())))
        return
    heads = ("load s", "ratio", "serialize s", "ratio", "MiB", "characters")
    print(f"{'kind':20} {'n':>7} {heads[0]:>8} {heads[1]:>6} {heads[2]:>12} {heads[3]:>6} {heads[4]:>7} {heads[5]:>11}")
    for kind in sys.argv[1:] or KINDS:
        least, make = KINDS[kind]
        before: list[float] | None = None
        for count in (least, 2 * least, 4 * least):
            load, serialize, peak, characters = figures = in_a_process(json.dumps(make(count)))
            ratios = ["" if before is None else f"{figures[n] / before[n]:.1f}" for n in (0, 1)]
            print(
                f"{kind:20} {count:7} {load:8.2f} {ratios[0]:>6} {serialize:12.2f} {ratios[1]:>6} {peak:7.1f}"
                f" {characters:11.0f}",
                flush=True,
            )
            before = figures


if __name__ == "__main__":
    main()
