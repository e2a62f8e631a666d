"""A fan-out of training steps against an AWS that throttles Creates, on a real scheduler and triggerer.

    python -m bench.fan_out --steps 50 --rate 0.4
    python -m bench.fan_out --steps 50 --rate 0.4 --off     # no pace and no patience

What it prints: how long the run took against steps / rate, how often AWS was asked and has refused, how many jobs came
of that, and which tries and retries of policies it took.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import pipeline, training
from tests.system.deployment import QUICKLY_MISSED, Deployment, deployed

CREATE = "CreateTrainingJob"
DAG_ID = "fan_out"
LOADER = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('definitions'))\n"
OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"


def main() -> None:
    given = arguments()
    definition = pipeline(*(training(f"Train{number:03}") for number in range(given.steps)))
    settings = {} if given.off else {f"{OPTION}PACE": f"{CREATE}={given.pace}", f"{OPTION}THROTTLE_PATIENCE": "900"}
    settings |= {"AIRFLOW__CORE__PARALLELISM": str(given.workers), f"{OPTION}POLL_INTERVAL": "10"}
    # The tests' short times would take the living for dead on a machine under load.
    settings |= {option: "300" for option in QUICKLY_MISSED if option.endswith(("_TIMEOUT", "_THRESHOLD"))}
    # As many as there are, at once.
    settings |= {"AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "1000"}
    files: dict[str, str | bytes] = {f"definitions/{DAG_ID}.json": json.dumps(definition), "dags.py": LOADER}
    scenario = {
        "defaults": {"duration": 20},
        "rates": [{"action": CREATE, "per_second": given.rate}],
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEndpoint(scenario=scenario) as endpoint,
        deployed(Path(folder), {**endpoint.environment, **settings}, files) as deployment,
    ):
        deployment.processes.wait_until(
            lambda: DAG_ID in deployment.airflow.dag_ids(), "the Dag is listed", timeout=120
        )
        started = time.monotonic()
        run_id = deployment.airflow.trigger(DAG_ID)
        while (state := ended(deployment, run_id)) is None:
            time.sleep(5)
            asked = endpoint.requests("sagemaker", CREATE)
            print(f"{time.monotonic() - started:5.0f} s: {len(asked)} asked, {len(endpoint.jobs())} jobs", flush=True)
        seconds = time.monotonic() - started
        asked = endpoint.requests("sagemaker", CREATE)
        refused = sum(request.error_code is not None for request in asked)
        created = [request.time for request in asked if request.error_code is None]
        tries, found = tasks_of(deployment, run_id)
        pace = "no pace" if given.off else f"pace {given.pace:g}"
        print(f"{given.steps} steps at {given.rate:g} a second, {pace}: {state}")
        print(f"  {seconds:.0f} s, {given.steps / given.rate:.0f} s by the rate; Creates over {span(created):.0f} s")
        print(f"  {len(asked)} Create calls, {refused} throttled, {len(endpoint.jobs())} jobs")
        print(f"  tries beyond the first: {tries}")
        print(f"  attempts that a policy counted: {sum(record.failures for record in found)},")
        print(f"  retries that policies granted: {sum(sum(record.policy_retries.values()) for record in found)}")


def ended(deployment: Deployment, run_id: str) -> str | None:
    """The state of the run once it has ended; on a loaded machine not every question is answered."""
    try:
        return deployment.airflow.ended(DAG_ID, run_id)
    except httpx.HTTPError as error:
        print(f"not answered: {error}", flush=True)
        return None


def span(times: list[float]) -> float:
    return max(times) - min(times) if times else 0.0


def tasks_of(deployment: Deployment, run_id: str) -> tuple[int, list[StepRecord]]:
    """How many tries beyond the first the tasks took, and what is on record of their steps."""
    path = f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances"
    tasks: list[dict[str, Any]] = []
    while True:
        page = deployment.airflow.call("GET", path, params={"limit": 100, "offset": len(tasks)})["task_instances"]
        if not page:
            break
        tasks += page
    records = []
    for task in tasks:
        stored = deployment.airflow.call("GET", f"{path}/{task['task_id']}/state-store/{STORE_KEY}")["value"]
        records.append(StepRecord.from_json(json.loads(stored) if isinstance(stored, str) else stored))
    return sum(task["try_number"] - 1 for task in tasks), records


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1.0, help="Creates a second that AWS takes")
    parser.add_argument("--pace", type=float, help="the setting; by default the rate")
    parser.add_argument("--workers", type=int, default=8, help="[core] parallelism")
    parser.add_argument("--off", action="store_true", help="without a pace and without patience, as before")
    given = parser.parse_args()
    given.pace = given.pace or given.rate
    return given


if __name__ == "__main__":
    main()
