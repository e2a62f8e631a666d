"""Many runs of one Dag on a real deployment, ours or one of the provider's operators."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from bench.scale.lines import Judged
from bench.scale.real_airflow import INTERVAL, Database, keep_logs
from bench.scale.samples import LOADER, by_hand
from tests.system.deployment import Deployment
from tests.system.processes import wait_until

DEFERRED = f"wait_for_completion=True, deferrable=True, print_log=False, check_interval={INTERVAL}"
DAG_ID = "many"
# Bounds a hang, on however busy a machine.
PATIENCE = 7200.0


def files_of(whose: str, definition: Mapping[str, Any]) -> dict[str, str | bytes]:
    """The dags folder of a side, "ours" or "theirs"."""
    if whose == "theirs":
        return {"dags.py": by_hand(definition, [DAG_ID], DEFERRED)}
    return {f"definitions/{DAG_ID}.json": json.dumps(definition), "dags.py": LOADER.format(folder="definitions")}


def ready(deployment: Deployment) -> None:
    """Wait until the Dag is listed, and unpause it."""
    waited(deployment, lambda: DAG_ID in deployment.airflow.dag_ids(), "the Dag is listed")
    deployment.airflow.call("PATCH", f"/dags/{DAG_ID}", json={"is_paused": False})


def trigger(deployment: Deployment, runs: int, first: int = 0) -> float:
    """Trigger so many runs at once, numbered from ``first``; the seconds until all are accepted."""
    started = time.monotonic()

    def one(number: int) -> None:
        run: dict[str, Any] = {"logical_date": None, "dag_run_id": f"run-{number:04}", "conf": {}}
        deployment.airflow.call("POST", f"/dags/{DAG_ID}/dagRuns", json=run)

    with ThreadPoolExecutor(runs) as callers:
        list(callers.map(one, range(first, first + runs)))
    return time.monotonic() - started


def waited(deployment: Deployment, check: Callable[[], bool], what: str, *, interval: float = 2.0) -> None:
    def attempt() -> bool:
        deployment.processes.check_running()
        return check()

    wait_until(attempt, what, timeout=PATIENCE, interval=interval)


def all_ended(database: Database, runs: int) -> bool:
    return sum(count for state, count in database.runs([DAG_ID]).items() if state in {"success", "failed"}) >= runs


def judged(whose: str, deployment: Deployment, endpoint: LocalEndpoint, runs: int, steps: int) -> Judged:
    """Whether each run has ended right, with one job a step, none of which runs on; if not, the logs are kept."""
    database = Database(deployment)
    ended, jobs = database.runs([DAG_ID]), endpoint.jobs("training")
    alive = [job for job in jobs if job.status != "Completed"]
    tries, states = database.most_tries([DAG_ID]), database.states([DAG_ID])
    holds = ended == {"success": runs} and len(jobs) == steps and not alive and states == {"success": steps}
    seen = f"runs {ended}, tasks {states}, {len(jobs)} jobs, {len(alive)} of them not completed, at most {tries} tries"
    what = f"{runs} runs of {whose} end right, {steps} steps with one job each, and no job is left"
    well = holds and tries == 1
    if not well:
        keep_logs(deployment, f"{runs}-runs-of-{whose.replace(' ', '-')}")
    return Judged(what, well, seen.replace("'", ""))
