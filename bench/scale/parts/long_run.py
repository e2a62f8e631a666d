"""A run of 2,000 steps under ``airflow dags test``: seconds a step, and where they go."""

from __future__ import annotations

import cProfile
import pstats
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.scale.lines import Judged, Line, Told, scaled, seconds
from bench.scale.one_process import airflow, is_right, run_by_hand, run_ours
from bench.scale.samples import chain
from tests.runs.harness import Airflow, Run

WHAT = "A run of 2,000 steps under `airflow dags test`"
STEPS = 2000
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
    run = profiler.runcall(run_it, to, chain(count))
    taken = (time.monotonic() - started) / count
    holds, seen = is_right(to, run, count)
    return taken, Judged(f"{count} steps in a chain of `{run.dag_id}`", holds, seen), pstats.Stats(profiler)


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
