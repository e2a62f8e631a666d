"""From the text of a definition to its Dag, against the same Dag of the provider's operators in Python.

The plain Dag has as many operators as the definition has steps, the same edges, and no parameters; what the ratio is to
one with the definition's parameters as Airflow's Params stands beside it.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterator
from functools import partial

from bench.measuring import Figure, cpu_seconds, in_turn, ratios
from bench.samples import by_hand, definition, params

STEPS = (10, 50, 200, 1000)
BUILT_STEPS = 8000
"""How many steps are built for each size: so the small Dags are built more often."""
LIMIT = 1.20


def measure() -> Iterator[Figure]:
    from airflow_sm_pipelines import SageMakerPipelineDag
    from airflow_sm_pipelines.graph import plan

    for steps in STEPS:
        text = json.dumps(definition(steps))
        works: dict[str, Callable[[], object]] = {
            "plain": partial(by_hand, steps),
            "ours": partial(SageMakerPipelineDag, text, dag_id="ours"),
            "with params": partial(by_hand, steps, params()),
            "reading": partial(plan, text),
        }
        sides = {name: cpu_seconds(work) for name, work in works.items()}
        taken = in_turn(sides, max(BUILT_STEPS // steps, 5))
        a_step = {name: statistics.median(seconds) / steps * 1e6 for name, seconds in taken.items()}
        beside = statistics.median(taken["ours"]) / statistics.median(taken["with params"])
        yield Figure(
            f"{steps} steps",
            f"{a_step['ours']:.0f} µs a step, {a_step['reading']:.0f} of them reading and checking",
            f"{a_step['plain']:.0f} µs a step (with Params the ratio is {beside:.2f})",
            ratios(taken["ours"], taken["plain"]),
            LIMIT,
        )
