"""The memory of the triggerer and of LocalExecutor's workers while 1,000 steps go by: flat?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from bench.scale.lines import NOTHING, Line, Told, scaled
from bench.scale.many_runs import DAG_ID, files_of, judged, ready, trigger, waited
from bench.scale.real_airflow import Database, production, triggerer_memory, worker_memory
from bench.scale.samples import fan

WHAT = "Memory over 1,000 steps"
STEPS = 1000
STEPS_OF_RUN = 10
PROVIDERS_STEPS = 100
AT_ONCE = 5
"""Runs that are triggered at a time, so that as much is under way in the end as in the beginning."""


MIN_STEPS = 20
"""Of fewer numbers of steps no growth is told: what a process does once would count as growth."""


class Samples:
    """Memory by the number of steps that have ended, in MB."""

    def __init__(self) -> None:
        self.steps: list[int] = []
        self.memory: list[float] = []

    def add(self, steps: int, memory: float) -> None:
        self.steps.append(steps)
        self.memory.append(memory)

    def in_words(self) -> str:
        """The median of each quarter, and by how much it grows with 1,000 steps in the second half."""
        last = max(self.steps, default=0)
        quarters = [
            [memory for steps, memory in zip(self.steps, self.memory, strict=True) if low < steps <= high]
            for low, high in ((last * n / 4, last * (n + 1) / 4) for n in range(4))
        ]
        medians = ", ".join(f"{statistics.median(each):.0f}" if each else "-" for each in quarters)
        half = [pair for pair in zip(self.steps, self.memory, strict=True) if pair[0] >= last / 2]
        slope = _slope(half)
        return f"{medians} MB" + (
            "" if slope is None else f"; {slope * 1000:+.1f} MB in 1,000 steps of the second half"
        )


def _slope(points: Sequence[tuple[int, float]]) -> float | None:
    if len({steps for steps, _ in points}) < MIN_STEPS:
        return None
    return statistics.linear_regression([each[0] for each in points], [each[1] for each in points]).slope


def measure(size: float) -> Iterator[Told]:
    for whose, full in (("ours", STEPS), ("theirs", PROVIDERS_STEPS)):
        runs = scaled(full / STEPS_OF_RUN, size)
        yield from watched(whose, runs, min(scaled(STEPS_OF_RUN, 10 * size), STEPS_OF_RUN))


def watched(whose: str, runs: int, steps: int) -> Iterator[Told]:
    triggerer, workers = Samples(), Samples()
    with (
        TemporaryDirectory() as folder,
        LocalEndpoint(scenario={"defaults": {"duration": 5}}) as endpoint,
        production(Path(folder), endpoint, files_of(whose, fan(steps)), {}) as deployment,
    ):
        database = Database(deployment)
        ready(deployment)
        begun = 0

        def over() -> bool:
            nonlocal begun
            states = database.runs([DAG_ID])
            ended = sum(count for state, count in states.items() if state in {"success", "failed"})
            if begun < runs and begun - ended < AT_ONCE:
                trigger(deployment, 1, begun)
                begun += 1
            done = database.states([DAG_ID]).get("success", 0)
            triggerer.add(done, triggerer_memory(deployment))
            if resident := worker_memory(deployment):
                workers.add(done, statistics.mean(resident))
            return ended >= runs

        started = time.monotonic()
        waited(deployment, over, "all runs have ended", interval=1)
        pace = runs * steps / (time.monotonic() - started)
        name = "ours" if whose == "ours" else "the provider's"
        yield judged(name, deployment, endpoint, runs, runs * steps)
    for what, words in (
        ("steps a second", f"{pace:.2f}"),
        ("triggerer, median of each quarter", triggerer.in_words()),
        ("a worker of LocalExecutor, median of each quarter", workers.in_words()),
    ):
        of = f"{runs * steps} steps: {what}"
        yield Line(of, words, NOTHING) if whose == "ours" else Line(of, NOTHING, words)
