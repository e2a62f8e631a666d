"""A run of 2,000 steps under ``airflow dags test``, in chains of ten: seconds a step, and where they go.

One chain of 2,000 would take hours, whosever operators it has: in each of its loops Airflow looks through all that lies
before and behind each unfinished task for setup tasks. What one such look takes is measured for both shapes.
"""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.scale.lines import NOTHING, Judged, Line, Told, scaled, seconds
from bench.scale.one_process import airflow, is_right, run_by_hand, run_ours
from bench.scale.samples import chain, chains
from tests.runs.harness import Airflow, Run

WHAT = "A run of 2,000 steps under `airflow dags test`"
STEPS = 2000
LENGTH = 10
PROVIDERS = 200
"""The provider's operators run this many: their time a step is given for it, beside ours for as many."""
PACKAGE = str(Path(__file__).resolve().parents[3] / "airflow_sm_pipelines") + "/"
WHERE = {
    "the scheduling loop of Dag.test reads the run's task instances: DagRun.update_state": (
        "dagrun.py",
        "update_state",
    ),
    "… get_task_instances": ("dagrun.py", "get_task_instances"),
    "a task's whole life in the process": ("dag.py", "_run_task"),
    "… the API server of the process, made for each task": ("supervisor.py", "_api_client"),
    "… the task's parse of its dags file": ("task_runner.py", "parse"),
    "… templates": ("task_runner.py", "render_templates"),
    "… the operator's execute, with its calls of AWS": ("step.py", "execute"),
    "… waiting for the job in a trigger": ("dag.py", "_run_trigger"),
}
Runs = Callable[[Airflow, Mapping[str, Any]], Run]


def measure(size: float) -> Iterator[Told]:
    steps, few = scaled(STEPS, size), scaled(PROVIDERS, size)
    with airflow() as to:
        # What a process does once is no step's.
        run_ours(to, chain(1))
        run_by_hand(to, chain(1))
        for shape, definition in (("one chain", chain(steps)), (f"chains of {LENGTH}", chains(steps, LENGTH))):
            what = f"Airflow's look for setup tasks, {steps} steps in {shape}, once a loop"
            yield Line(what, look(definition), NOTHING)
        for count in sorted({few, steps}):
            taken, judged, profile = one(to, run_ours, count)
            theirs: float | None = None
            if count == few:
                theirs, their_judged, _ = one(to, run_by_hand, count)
                yield their_judged
            yield judged
            yield Line(f"seconds a step of {count}", seconds(taken), "-" if theirs is None else seconds(theirs))
            yield from shares(profile, count)


def one(to: Airflow, run_it: Runs, count: int) -> tuple[float, Judged, pstats.Stats]:
    """The seconds a step, whether the run was right, and its profile, which slows it by something."""
    profiler = cProfile.Profile()
    started = time.monotonic()
    run = profiler.runcall(run_it, to, chains(count, LENGTH))
    taken = (time.monotonic() - started) / count
    holds, seen = is_right(to, run, count)
    return taken, Judged(f"{count} steps in chains of {LENGTH} of `{run.dag_id}`", holds, seen), pstats.Stats(profiler)


def look(definition: Mapping[str, Any]) -> str:
    """The time of ``TriggerRuleDep``'s look for the setup tasks of each task that has not begun."""
    from airflow_sm_pipelines import SageMakerPipelineDag

    tasks = SageMakerPipelineDag(definition, dag_id="shape").tasks
    started = time.process_time()
    for task in tasks:
        list(task.get_upstreams_only_setups())
    return seconds(time.process_time() - started)


def shares(profile: pstats.Stats, count: int) -> Iterator[Line]:
    entries: dict[Any, Any] = profile.stats  # type: ignore[attr-defined] # not in typeshed
    for what, (file, function) in WHERE.items():
        found = [
            entry[3] for (path, _, name), entry in entries.items() if name == function and path.endswith(f"/{file}")
        ]
        if found:
            yield Line(f"{what}", f"{seconds(max(found) / count)} a step")
    own = sum(entry[2] for (path, _, _), entry in entries.items() if path.startswith(PACKAGE))
    yield Line("in functions of this package themselves", f"{seconds(own / count)} a step")
