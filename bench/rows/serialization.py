"""Airflow's serialization of a Dag with 20 parameters, against the same Dag made by ``DAG(params=…)``.

By hand, each operator carries a copy of the Dag's Params, which is serialized and validated with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

from bench.measuring import Figure, Spread, cpu_seconds, in_turn, milliseconds, ratios
from bench.samples import by_hand, definition, params

TASKS = {50: 9, 500: 3}
"""How many tasks, and how often the two take turns."""
PARAMETERS = 20
TIME_LIMIT = 0.05
BYTES_LIMIT = 0.3


def measure() -> Iterator[Figure]:
    from airflow.serialization.serialized_objects import DagSerialization

    from airflow_sm_pipelines import SageMakerPipelineDag

    for tasks, rounds in TASKS.items():
        dags = {
            "ours": SageMakerPipelineDag(json.dumps(definition(tasks, PARAMETERS)), dag_id="ours"),
            "by hand": by_hand(tasks, params(PARAMETERS)),
        }
        sides = {name: cpu_seconds(partial(DagSerialization.to_dict, dag)) for name, dag in dags.items()}
        taken = in_turn(sides, rounds)
        size = {name: len(json.dumps(DagSerialization.to_dict(dag))) for name, dag in dags.items()}
        told = f"{tasks} tasks x {PARAMETERS} parameters"
        ours, other = milliseconds(taken["ours"]), milliseconds(taken["by hand"])
        yield Figure(f"{told}, time", ours, other, ratios(taken["ours"], taken["by hand"]), TIME_LIMIT)
        share = Spread.of([size["ours"] / size["by hand"]])
        kilobytes = [f"{size[name] / 1000:.0f} kB" for name in ("ours", "by hand")]
        yield Figure(f"{told}, bytes", kilobytes[0], kilobytes[1], share, BYTES_LIMIT)
