"""30 runs triggered in a second, and their 300 jobs in flight, on a real deployment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import Struct

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from bench.scale.lines import NOTHING, Judged, Line, Told, scaled, seconds, size_of
from bench.scale.loop_durations import LoopDurations, in_words
from bench.scale.many_runs import DAG_ID, all_ended, files_of, judged, ready, trigger, waited
from bench.scale.real_airflow import INTERVAL, TABLES, Database, production, triggerer_memory
from bench.scale.samples import fan
from tests.system.deployment import Deployment

WHAT = "30 runs at once, 300 jobs in flight"
RUNS = 30
PROVIDERS_RUNS = 3
"""By so many less the provider's figures are taken: those by run and by job are the same."""
STEPS = 10
JOB_SECONDS = 40_000
REQUEST = {"StoppingCondition": {"MaxRuntimeInSeconds": 86_400}}


class Flight(Struct, frozen=True):
    """What was measured of one side; memory in MB, ``sizes`` rows and bytes by run."""

    runs: int
    triggered: float
    in_flight: float
    ended: float
    starting: list[float]
    quiet: list[float]
    ending: list[float]
    calls: dict[str, float]
    memory: tuple[float, float]
    sizes: dict[str, tuple[float, float]]
    left: dict[str, int]
    judged: list[Judged]


def measure(size: float) -> Iterator[Told]:
    ours = flown("ours", scaled(RUNS, size), scaled(STEPS, size**0.5))
    yield from ours.judged
    yield from told(ours, None)
    theirs = flown("theirs", scaled(PROVIDERS_RUNS, size), scaled(STEPS, size**0.5))
    yield from theirs.judged
    yield from told(None, theirs)


def flown(whose: str, runs: int, steps: int) -> Flight:
    jobs = runs * steps
    with (
        TemporaryDirectory() as folder,
        LoopDurations() as loops,
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        production(Path(folder), endpoint, files_of(whose, fan(steps, **REQUEST)), loops.settings) as deployment,
    ):
        database = Database(deployment)
        ready(deployment)
        before, idle = database.sizes(), triggerer_memory(deployment)
        loops.taken()
        started = time.monotonic()
        triggered = trigger(deployment, runs)
        waited(deployment, lambda: database.states([DAG_ID]).get("deferred") == jobs, "all jobs are waited for")
        in_flight, starting = time.monotonic() - started, loops.taken()
        # All have been looked at.
        time.sleep(INTERVAL)
        asked = len(endpoint.requests("sagemaker"))
        began = time.monotonic()
        time.sleep(2 * INTERVAL)
        counted = [request.action for request in endpoint.requests("sagemaker")[asked:]]
        minutes = (time.monotonic() - began) / 60
        busy, quiet = triggerer_memory(deployment), loops.taken()
        started = time.monotonic()
        endpoint.advance(JOB_SECONDS)
        waited(deployment, lambda: all_ended(database, runs), "all runs have ended")
        ended, ending, after = time.monotonic() - started, loops.taken(), database.sizes()
        verdict = judged("ours" if whose == "ours" else "the provider's", deployment, endpoint, runs, jobs)
        clean(deployment)
        return Flight(
            runs=runs,
            triggered=triggered,
            in_flight=in_flight,
            ended=ended,
            starting=starting,
            quiet=quiet,
            ending=ending,
            calls={action: counted.count(action) / minutes for action in sorted(set(counted))},
            memory=(idle, busy),
            sizes={table: by_run(before[table], after[table], runs) for table in TABLES},
            left={table: rows for table, (rows, _) in database.sizes().items()},
            judged=[verdict],
        )


def by_run(before: tuple[int, int], after: tuple[int, int], runs: int) -> tuple[float, float]:
    """Rows and bytes that came in by a run."""
    return (after[0] - before[0]) / runs, (after[1] - before[1]) / runs


def clean(deployment: Deployment) -> None:
    """What an operator runs to make the database small: of all that is older than now."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    commands = {
        "state-store-clean": ["airflow", "state-store", "clean"],
        "db-clean": ["airflow", "db", "clean", "--clean-before-timestamp", tomorrow, "--skip-archive", "--yes"],
    }
    for name, command in commands.items():
        deployment.processes.run(name, command, deployment.site.environment, deployment.site.home, timeout=900)


def told(ours: Flight | None, theirs: Flight | None) -> Iterator[Line]:
    """The figures of a side, in its column."""
    flight = ours or theirs
    assert flight is not None

    def line(what: str, value: str) -> Line:
        return Line(what, value, NOTHING) if ours is not None else Line(what, NOTHING, value)

    of = f"{flight.runs} runs"
    yield line(f"{of}: triggered within", seconds(flight.triggered))
    yield line(f"{of}: all jobs created and deferred after", seconds(flight.in_flight))
    yield line(f"{of}: all ended after the jobs' end", seconds(flight.ended))
    yield line(f"{of}: scheduler loop while they start", in_words(flight.starting))
    yield line(f"{of}: … while all jobs run", in_words(flight.quiet))
    yield line(f"{of}: … while they end", in_words(flight.ending))
    calls = ", ".join(f"{action} {count:.1f}" for action, count in flight.calls.items())
    yield line(f"{of}: AWS calls a minute while all jobs run", f"{sum(flight.calls.values()):.1f} ({calls})")
    idle, busy = flight.memory
    yield line(f"{of}: triggerer's memory, idle and with all jobs", f"{idle:.0f} and {busy:.0f} MB")
    for table, (rows, size) in flight.sizes.items():
        if rows:
            cleaned = f"; {flight.left[table]} rows after `db clean`"
            yield line(f"`{table}` by run", f"{rows:.1f} rows, {size_of(size)}{cleaned}")
