"""The lives of many steps at once against an AWS that throttles Creates, without Airflow's scheduler.

    python -m bench.crowd --steps 100 --rate 1
    python -m bench.crowd --steps 100 --rate 1 --off     # no pace; throttled calls are still made again

Each step is a thread that does what a task does: it submits, sleeps out its pauses, comes back as the resumed try does.
The queue is a row of Airflow's database (SQLite), asked without the HTTP call. So what is shown is the pace itself;
what the scheduler adds to it, bench.fan_out shows.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

CREATE = "CreateTrainingJob"


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory() as home:
        os.environ["AIRFLOW_HOME"] = home
        os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
        os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
        measure(given)


def measure(given: argparse.Namespace) -> None:
    from msgspec.structs import replace

    from airflow_sm_pipelines.definition.model import Step
    from airflow_sm_pipelines.jobs.admission import Admission, Held, Pause
    from airflow_sm_pipelines.jobs.lifecycle import JobWait
    from airflow_sm_pipelines.jobs.record import STORE_KEY, StepRecord
    from airflow_sm_pipelines.local.endpoint import LocalEndpoint
    from tests.jobs.doubles import SETTINGS, Task
    from tests.runs.harness import training

    make_table()
    settings = replace(SETTINGS, throttle_patience=3600.0, pace=() if given.off else (f"{CREATE}={given.pace}",))
    scenario = {"defaults": {"duration": 1000}, "rates": [{"action": CREATE, "per_second": given.rate}]}
    pauses = 0
    counting = threading.Lock()
    with LocalEndpoint(scenario=scenario) as endpoint:
        aws: Any = EndpointAws(endpoint)
        permits = DirectPermits(given.pace)
        started = time.monotonic()

        def live(number: int) -> StepRecord:
            nonlocal pauses
            name = f"Train{number:03}"
            step = Step(name, "Training", ((None, "Steps"), 0), arguments=training(name)["Arguments"])
            clock: Any = time
            task = Task(aws=aws, step=step, settings=settings, clock=clock)
            held = Held()
            while True:
                life = task.begun(admission=lambda run: Admission.of_job(run, permits, may_pause=True))
                life.admission.held = held
                outcome = life.submit_or_adopt()
                if isinstance(outcome, JobWait):
                    return StepRecord.from_json(task.store.values[STORE_KEY])
                assert isinstance(outcome, Pause)
                with counting:
                    pauses += 1
                held = Held.from_json(outcome.held.to_json())
                # A task that comes back is not at once in its process.
                time.sleep(max(0.0, outcome.until - time.time()) + random.uniform(0, given.late))

        with ThreadPoolExecutor(given.steps) as pool:
            records = list(pool.map(live, range(given.steps)))
        seconds = time.monotonic() - started
        asked = endpoint.requests("sagemaker", CREATE)
        throttled = sum(request.error_code is not None for request in asked)
        pace = "no pace" if given.off else f"pace {given.pace:g}"
        print(f"{given.steps} steps at {given.rate:g} a second, {pace}, resumed up to {given.late:g} s late:")
        print(f"  {seconds:.0f} s; {given.steps / given.rate:.0f} s by the rate")
        print(f"  {len(asked)} Create calls, {throttled} throttled, {len(endpoint.jobs())} jobs, {pauses} pauses")
        print(f"  attempts that a policy counted: {sum(record.failures for record in records)}")


class EndpointAws:
    """The local endpoint, as the life of a job reaches AWS."""

    aws_conn_id, region = "aws_default", "us-east-1"

    def __init__(self, endpoint: Any) -> None:
        self._client = endpoint.client("sagemaker", attempts=1)

    def client(self, _: str) -> Any:
        return self._client

    def client_calling_once(self, service: str) -> Any:
        return self.client(service)

    def renewed(self) -> EndpointAws:
        return self

    def to_json(self) -> dict[str, Any]:
        return {"aws_conn_id": "aws_default", "region_name": None, "verify": None, "botocore_config": None}


class DirectPermits:
    """The queue in the database, asked as the API server does."""

    def __init__(self, pace: float) -> None:
        self._least = 1 / pace

    def say(self, message: Any, call: Any, permit: float = 0.0) -> Any:
        from airflow_sm_pipelines.pace.asking import Asking, TaskRef
        from airflow_sm_pipelines.server.pace_answers import said
        from airflow_sm_pipelines.server.pace_rows import change_queue

        asking = Asking(message, call, TaskRef("crowd", "run", "task"), "none", permit)
        return change_queue(call, lambda queue: said(asking, queue, time.time(), self._least))


def make_table() -> None:
    from airflow import settings

    settings.configure_orm()
    from airflow.models.connection import Connection
    from airflow.models.team import Team

    Connection.metadata.create_all(settings.engine, tables=[Team.__table__, Connection.__table__])


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--rate", type=float, default=1.0, help="Creates a second that AWS takes")
    parser.add_argument("--pace", type=float, help="the setting; by default the rate")
    parser.add_argument("--late", type=float, default=3.0, help="how many seconds late a pause may end")
    parser.add_argument("--off", action="store_true", help="without a pace")
    given = parser.parse_args()
    given.pace = given.pace or given.rate
    return given


if __name__ == "__main__":
    main()
