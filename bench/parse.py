"""What translation adds to the parse of a dags file: the Dag of a definition, against operators in plain Python.

The plain Dag is built with the Amazon provider's own operators, as many as the definition has steps, with the same
edges and no translation. The two are built in turn, with the garbage collector frozen and off; a ratio is that of two
builds that follow each other. Prints medians in microseconds of CPU time per step, the quartiles of the ratio, and how
much of it is reading, checking and ordering the definition. The plain Dag has none of the definition's parameters; the
last column is the ratio to one that has them as Airflow's Params. Run it with the project's interpreter::

    .venv/bin/python bench/parse.py [--steps N ...] [--serialize] [--profile N]

``--serialize`` also measures Airflow's serialization of both Dags, ``--profile N`` prints where the time of a build of
N steps goes.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import os
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import Any

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerTrainingOperator
from airflow.sdk import DAG, Param
from airflow.serialization.serialized_objects import DagSerialization

from airflow_sm_pipelines import SageMakerPipelineDag
from airflow_sm_pipelines.graph import plan

STEPS = (10, 50, 200, 1000)
BUILT_STEPS = 8000
"""How many steps are built for each size: so the small Dags are built more often."""


def definition(steps: int) -> dict[str, Any]:
    """A chain of Training steps, each with a reference to the one before, parameters and a Join."""
    return {
        "Version": "2020-12-01",
        "Parameters": [{"Name": f"P{n}", "Type": "Integer", "DefaultValue": n} for n in range(10)],
        "Steps": [
            {
                "Name": f"Step{n}",
                "Type": "Training",
                "Arguments": {
                    "AlgorithmSpecification": {"TrainingImage": "image", "TrainingInputMode": "File"},
                    "HyperParameters": {
                        "depth": {"Std:Join": {"On": "", "Values": [{"Get": f"Parameters.P{n % 10}"}]}},
                        "before": {"Get": f"Steps.Step{n - 1}.ModelArtifacts.S3ModelArtifacts"} if n else "none",
                    },
                    "OutputDataConfig": {"S3OutputPath": "s3://bucket/out"},
                    "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 30},
                    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
                    "RoleArn": "arn:aws:iam::123456789012:role/Role",
                },
            }
            for n in range(steps)
        ],
    }


def plain(steps: int, params: Mapping[str, Param] = MappingProxyType({})) -> DAG:
    dag = DAG("plain", schedule=None, params={**params})
    before = None
    for n in range(steps):
        config = definition(1)["Steps"][0]["Arguments"]
        task = SageMakerTrainingOperator(task_id=f"Step{n}", dag=dag, config=config)
        if before is not None:
            before.set_downstream(task)
        before = task
    return dag


@contextmanager
def no_collection() -> Iterator[None]:
    """No garbage collection in what is measured: what lives already is set aside, and nothing new is looked at."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


def in_turn(builds: Mapping[str, Callable[[], object]], steps: int) -> dict[str, list[float]]:
    """Microseconds of CPU time per step of each build, one after another, again and again."""
    taken: dict[str, list[float]] = {name: [] for name in builds}
    for build in builds.values():
        build()
    with no_collection():
        for _ in range(max(BUILT_STEPS // steps, 5)):
            for name, build in builds.items():
                started = time.process_time_ns()
                build()
                taken[name].append((time.process_time_ns() - started) / steps / 1000)
            # Dags are full of circles: without this, those of one size would fill the memory.
            gc.collect()
    return taken


def table(sizes: list[int]) -> None:
    print("microseconds of CPU time per step (medians), and ours / plain with its quartiles")
    print(f"{'steps':>6} {'plain':>8} {'ours':>8} {'reading':>8}  {'ratio':>5}  {'quartiles':11}  {'with Params':>11}")
    for steps in sizes:
        document = definition(steps)
        text = json.dumps(document)
        params = {each["Name"]: Param(each["DefaultValue"], type="integer") for each in document["Parameters"]}
        builds: dict[str, Callable[[], object]] = {
            "plain": partial(plain, steps),
            "with Params": partial(plain, steps, params),
            "ours": partial(SageMakerPipelineDag, text, dag_id="ours"),
            "reading": partial(plan, text),
        }
        taken = in_turn(builds, steps)
        ratios = [ours / other for ours, other in zip(taken["ours"], taken["plain"], strict=True)]
        low, ratio, high = statistics.quantiles(ratios, n=4)
        median = {name: statistics.median(times) for name, times in taken.items()}
        print(
            f"{steps:6} {median['plain']:8.0f} {median['ours']:8.0f} {median['reading']:8.0f}  {ratio:5.2f} "
            f" {low:.2f} - {high:.2f}  {median['ours'] / median['with Params']:11.2f}",
            flush=True,
        )


def serialization(sizes: list[int]) -> None:
    print("serialization: microseconds of CPU time per step (medians)")
    print(f"{'steps':>6} {'plain':>8} {'ours':>8}")
    for steps in sizes:
        dags = {"plain": plain(steps), "ours": SageMakerPipelineDag(json.dumps(definition(steps)), dag_id="ours")}
        taken = in_turn({name: partial(DagSerialization.to_dict, dag) for name, dag in dags.items()}, steps)
        median = {name: statistics.median(times) for name, times in taken.items()}
        print(f"{steps:6} {median['plain']:8.0f} {median['ours']:8.0f}", flush=True)


def profile(steps: int) -> None:
    text = json.dumps(definition(steps))
    SageMakerPipelineDag(text, dag_id="ours")
    profiler = cProfile.Profile(time.process_time)
    with no_collection():
        profiler.runcall(SageMakerPipelineDag, text, dag_id="ours")
    pstats.Stats(profiler).sort_stats("tottime").print_stats(25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--steps", type=int, nargs="+", default=STEPS, help="the sizes of the Dags")
    parser.add_argument("--serialize", action="store_true", help="measure serialization too")
    parser.add_argument("--profile", type=int, metavar="N", help="print the profile of a build of N steps instead")
    options = parser.parse_args()
    if options.profile:
        profile(options.profile)
        return
    table([*options.steps])
    if options.serialize:
        serialization([*options.steps])


if __name__ == "__main__":
    main()
