"""The services of docker-compose.yaml under faults: do all runs end right, with one job for each attempt?

    python -m bench.cluster                 20 pipelines while a worker is killed, one is added, Redis is restarted,
                                            PostgreSQL's connections are cut, and the triggerer moves; then 100 jobs
                                            that end at once: is any try lost?
    python -m bench.cluster --at-once 0     the first part alone; --pipelines 0: the second one
    python -m bench.cluster --managed       with a new interpreter for each task, as managed Airflow has it
    python -m bench.cluster --local-executor --pipelines 0   the second part where the scheduler runs the tasks itself

It needs redis-server, and PostgreSQL as the tests do. The code it ends with is 1 where something does not hold.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import httpx

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import get, pipeline, training
from tests.system.api import AirflowApi
from tests.system.cluster import AIRFLOW_SERVICES, WORKERS, Cluster, running
from tests.system.deployment import QUICKLY_MISSED
from tests.system.processes import cut_connections, wait_until

SERVICES = ("redis", *AIRFLOW_SERVICES)
T = TypeVar("T")

DAG_FILE = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('.'))\n"
JOB_SECONDS = 20.0
PATIENCE = 3600.0
SETTINGS = {
    # A slow machine takes the living for dead otherwise.
    **{name: str(max(int(value), 30)) if "TIMEOUT" in name or "THRESHOLD" in name else value
       for name, value in QUICKLY_MISSED.items()},
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # What a killed worker had taken from the queue, and not begun.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SAGEMAKER_PIPELINES__ORPHAN_JOBS_INTERVAL": "5",
}  # fmt: skip
# Of the first part. The second one is about the pause that a trigger makes with the default interval.
LOOKS = {"AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL": "2"}
MANAGED = {"AIRFLOW__CORE__EXECUTE_TASKS_NEW_PYTHON_INTERPRETER": "True"}
LOCAL_EXECUTOR = {"AIRFLOW__CORE__EXECUTOR": "LocalExecutor"}


class Bench:
    """A cluster, the endpoint that it calls, and the runs that were started."""

    def __init__(self, cluster: Cluster, endpoint: LocalEndpoint, airflow: AirflowApi) -> None:
        self.cluster = cluster
        self.endpoint = endpoint
        self.airflow = airflow
        self.runs: list[tuple[str, str]] = []
        self.started = time.monotonic()

    def tell(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", flush=True)

    def add(self, definitions: Mapping[str, Any]) -> None:
        """Put definitions into the dags folder, and wait until their Dags are listed."""
        for name, definition in definitions.items():
            (self.cluster.machine.home / "dags" / f"{name}.json").write_text(json.dumps(definition))
        (self.cluster.machine.home / "dags" / "dags.py").write_text(DAG_FILE)
        listed = partial(self.asked, self.airflow.dag_ids)
        wait_until(lambda: listed() >= definitions.keys(), "the Dags are listed", timeout=PATIENCE)

    def start(self, dag_id: str) -> None:
        self.runs.append((dag_id, self.asked(lambda: self.airflow.trigger(dag_id))))

    def asked(self, ask: Callable[[], T]) -> T:
        """What the API server answers, once it does: its connections to the database may be cut, or it be slow."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return ask()
            except (AssertionError, httpx.TransportError):
                if time.monotonic() > until:
                    raise
                time.sleep(1)

    def created(self) -> int:
        """How many jobs AWS has been asked for, and has made."""
        calls = self.endpoint.requests("sagemaker", "CreateTrainingJob")
        return len([call for call in calls if call.error_code is None])

    def wait_for_jobs(self, count: int) -> None:
        def enough() -> bool:
            self.restart_ended()
            return self.created() >= count

        wait_until(enough, f"{count} jobs", timeout=PATIENCE)

    def restart_ended(self) -> None:
        """Start what has ended by itself again, as the file's ``restart: unless-stopped`` says."""
        for process in list(self.cluster.processes.running):
            if process.popen.poll() is not None:
                self.tell(f"{process.name} has ended ({process.popen.returncode}), and is started again")
                self.cluster.processes.kill(process)
                service = process.name
                if service not in SERVICES:
                    service = "airflow-worker-1" if "worker" in service else "airflow-triggerer"
                self.cluster.start(service, process.name)

    def wait_for_end(self) -> Counter[str]:
        """How the runs have ended."""
        ends: dict[tuple[str, str], str] = {}
        while len(ends) < len(self.runs):
            self.restart_ended()
            for run in self.runs:
                if run not in ends and (end := self.asked(partial(self.airflow.ended, *run))) is not None:
                    ends[run] = end
            time.sleep(2)
        return Counter(ends.values())

    def tries(self) -> Counter[int]:
        """How many tasks took how many tries."""
        found: Counter[int] = Counter()
        for dag_id, run_id in self.runs:
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
            ask = partial(self.airflow.call, "GET", path, params={"limit": 100})
            tasks = self.asked(ask)["task_instances"]
            found.update(task["try_number"] for task in tasks)
        return found

    def taken_by(self) -> dict[str, int]:
        """How many pieces of work each worker has ended well."""
        logs = {path.stem: path.read_text(errors="replace") for path in self.cluster.processes.log_dir.glob("*work*")}
        return {name: log.count(" succeeded in ") for name, log in sorted(logs.items())}


def with_faults(bench: Bench, pipelines: int) -> Iterator[tuple[str, bool]]:
    """Pipelines of two steps, and a fault whenever some more jobs have begun; what is to hold, and whether."""
    second = training("Second", Arguments={"HyperParameters": {"after": get("Steps.First.TrainingJobArn")}})
    definition = pipeline(training("First"), second)
    bench.add({f"pipeline-{number:02}": definition for number in range(pipelines)})
    jobs = 2 * pipelines
    for dag_id in [f"pipeline-{number:02}" for number in range(pipelines)]:
        bench.start(dag_id)
    bench.tell(f"{pipelines} runs are started")
    faults: tuple[tuple[str, Callable[[Bench], None]], ...] = (
        ("a worker is killed", kill_worker),
        ("a worker is added", add_worker),
        ("Redis is restarted", restart_redis),
        ("PostgreSQL's connections are cut", cut_database),
        ("the triggerer is killed, and another one is started", move_triggerer),
    )
    for number, (told, fault) in enumerate(faults):
        bench.wait_for_jobs(3 + number * (jobs - 6) // len(faults))
        fault(bench)
        bench.tell(f"{told} ({bench.created()} jobs so far)")
    ends = bench.wait_for_end()
    bench.tell(f"runs: {dict(ends)}; tries of tasks: {dict(sorted(bench.tries().items()))}")
    bench.tell(f"work that each worker has ended: {bench.taken_by()}")
    statuses = Counter(job.status for job in bench.endpoint.jobs("training"))
    stops = len(bench.endpoint.requests("sagemaker", "StopTrainingJob"))
    bench.tell(f"jobs: {bench.created()} created, by their states {dict(statuses)}, {stops} calls to stop one")
    yield f"all {pipelines} runs succeed", ends == {"success": pipelines}
    yield f"{jobs} steps have {jobs} jobs, one for each attempt", bench.created() == jobs == statuses["Completed"]
    yield "no job is left without an owner, none was stopped", stops == 0 and set(statuses) == {"Completed"}
    yield "both workers take steps", all(count > 0 for name, count in bench.taken_by().items() if name in WORKERS)


def kill_worker(bench: Bench) -> None:
    bench.cluster.processes.kill(bench.cluster.process("airflow-worker-1"))


def add_worker(bench: Bench) -> None:
    bench.cluster.start("airflow-worker-1", "airflow-worker-3")


def restart_redis(bench: Bench) -> None:
    redis = bench.cluster.process("redis")
    bench.cluster.processes.running.remove(redis)
    redis.stop()
    bench.cluster.start("redis")
    wait_until(lambda: bench.cluster.is_healthy("redis"), "Redis answers", timeout=60)


def cut_database(bench: Bench) -> None:
    cut_connections(str(bench.cluster.machine.database.database))


def move_triggerer(bench: Bench) -> None:
    old = bench.cluster.process("airflow-triggerer")
    bench.cluster.start("airflow-triggerer", "airflow-triggerer-2")
    bench.cluster.processes.kill(old)


def at_once(bench: Bench, jobs: int) -> Iterator[tuple[str, bool]]:
    """Jobs that have ended when they are first looked at, ten in a run."""
    bench.runs.clear()
    bench.endpoint.reset({"defaults": {"duration": 0}})
    bench.add({"at-once": pipeline(*(training(f"Step{number}") for number in range(10)))})
    for _ in range(jobs // 10):
        bench.start("at-once")
    ends, tries = bench.wait_for_end(), bench.tries()
    bench.tell(f"runs: {dict(ends)}; tries of tasks: {dict(sorted(tries.items()))}; {bench.created()} jobs")
    yield f"{jobs} jobs that end at once: no failure", ends == {"success": jobs // 10}
    yield "no second try", set(tries) == {1} and bench.created() == jobs


@contextmanager
def started(settings: Mapping[str, str], services: Sequence[str]) -> Iterator[Bench]:
    """A cluster of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        running(Path(folder), {}, {**endpoint.environment, **settings}, services) as cluster,
        AirflowApi(cluster.machine.url) as airflow,
    ):
        yield Bench(cluster, endpoint, airflow)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipelines", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=100, metavar="JOBS")
    parser.add_argument("--managed", action="store_true")
    parser.add_argument("--local-executor", action="store_true")
    options = parser.parse_args()
    if options.local_executor and options.pipelines:
        parser.error("The first part is about Celery's workers: give --pipelines 0, too.")
    chosen = ((LOOKS, options.pipelines), (MANAGED, options.managed), (LOCAL_EXECUTOR, options.local_executor))
    settings = dict(SETTINGS)
    for variables, wanted in chosen:
        settings |= variables if wanted else {}
    services = [name for name in SERVICES if not options.local_executor or name not in ("redis", *WORKERS)]
    holds = True
    with started(settings, services) as bench:
        parts = []
        if options.pipelines:
            parts.append(with_faults(bench, options.pipelines))
        if options.at_once:
            parts.append(at_once(bench, options.at_once))
        for told, held in chain.from_iterable(parts):
            holds = holds and held
            bench.tell(f"{'holds' if held else 'DOES NOT HOLD'}: {told}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
