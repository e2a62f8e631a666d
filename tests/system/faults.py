"""Faults on a cluster of docker-compose.yaml's services, and what becomes of its runs: for a test and a bench.

A worker is killed, one is added, Redis is restarted, PostgreSQL's connections are cut, the triggerer moves.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar

import httpx

from airflow_sm_pipelines.local.control import EndpointControl
from tests.runs.harness import get, pipeline, training
from tests.system.api import AirflowApi
from tests.system.cluster import AIRFLOW_SERVICES, WORKERS, Cluster
from tests.system.deployment import QUICKLY_MISSED
from tests.system.processes import cut_connections, wait_until

SERVICES = ("redis", *AIRFLOW_SERVICES)
T = TypeVar("T")

DAG_FILE = "from airflow_sm_pipelines import load_dags\n\nglobals().update(load_dags('.'))\n"
PATIENCE = 3600.0
CREATE = "CreateTrainingJob"
# So many steps have a job, and have not heard of it, when a worker is killed: the busier one has at least one of them.
UNANSWERED = 3
SETTINGS = {
    # A slow machine takes the living for dead otherwise.
    **{name: str(max(int(value), 30)) if "TIMEOUT" in name or "THRESHOLD" in name else value
       for name, value in QUICKLY_MISSED.items()},
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    # What a killed worker had taken from the queue, and not begun.
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
    "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
    "AIRFLOW__SAGEMAKER_PIPELINES__ORPHAN_JOBS_INTERVAL": "5",
    # Definitions come while it runs.
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "5",
}  # fmt: skip


class FaultyCluster:
    """A cluster, the endpoint that it calls, and the runs that were started."""

    def __init__(self, cluster: Cluster, endpoint: EndpointControl, airflow: AirflowApi) -> None:
        self.cluster = cluster
        self.endpoint = endpoint
        self.airflow = airflow
        self.runs: list[tuple[str, str]] = []
        self.started = time.monotonic()

    def tell(self, text: str) -> None:
        print(f"{time.monotonic() - self.started:6.0f} s  {text}", flush=True)

    def add(self, definitions: Mapping[str, Any]) -> None:
        """Put definitions into a folder of the dags folder, and wait until their Dags are listed."""
        folder = self.cluster.machine.home / "dags" / "added"
        folder.mkdir(exist_ok=True)
        for name, definition in definitions.items():
            (folder / f"{name}.json").write_text(json.dumps(definition))
        (folder / "dags.py").write_text(DAG_FILE)
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
        calls = self.endpoint.requests("sagemaker", CREATE)
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

    def under_way(self, worker: str) -> int:
        """How many tasks a worker has taken and not ended."""
        log = (self.cluster.processes.log_dir / f"{worker}.log").read_text(errors="replace")
        return log.count("] received") - log.count(" succeeded in ")

    def taken_by(self) -> dict[str, int]:
        """How many pieces of work each worker has taken, also one that was killed with them."""
        logs = {path.stem: path.read_text(errors="replace") for path in self.cluster.processes.log_dir.glob("*work*")}
        return {name: log.count("] received") for name, log in sorted(logs.items())}


def with_faults(faulty: FaultyCluster, pipelines: int) -> Iterator[tuple[str, bool]]:
    """Pipelines of two steps, and a fault whenever some more jobs have begun; what is to hold, and whether."""
    second = training("Second", Arguments={"HyperParameters": {"after": get("Steps.First.TrainingJobArn")}})
    definition = pipeline(training("First"), second)
    faulty.add({f"pipeline-{number:02}": definition for number in range(pipelines)})
    jobs = 2 * pipelines
    faulty.endpoint.add_fault("sagemaker", CREATE, pause="after", times=UNANSWERED)
    for dag_id in [f"pipeline-{number:02}" for number in range(pipelines)]:
        faulty.start(dag_id)
    faulty.tell(f"{pipelines} runs are started")
    kill_worker(faulty)
    faulty.tell("a worker is killed while AWS makes jobs for it")
    faults: tuple[tuple[str, Callable[[FaultyCluster], None]], ...] = (
        ("a worker is added", add_worker),
        ("Redis is restarted", restart_redis),
        ("PostgreSQL's connections are cut", cut_database),
        ("the triggerer is killed, and another one is started", move_triggerer),
    )
    for number, (told, fault) in enumerate(faults):
        faulty.wait_for_jobs(UNANSWERED + number * (jobs - 2 * UNANSWERED) // len(faults))
        fault(faulty)
        faulty.tell(f"{told} ({faulty.created()} jobs so far)")
    ends, tries = faulty.wait_for_end(), faulty.tries()
    faulty.tell(f"runs: {dict(ends)}; tries of tasks: {dict(sorted(tries.items()))}")
    faulty.tell(f"work that each worker has taken: {faulty.taken_by()}")
    statuses = Counter(job.status for job in faulty.endpoint.jobs("training"))
    stops = len(faulty.endpoint.requests("sagemaker", "StopTrainingJob"))
    faulty.tell(f"jobs: {faulty.created()} created, by their states {dict(statuses)}, {stops} calls to stop one")
    yield f"all {pipelines} runs succeed", ends == {"success": pipelines}
    yield f"{jobs} steps have {jobs} jobs, one for each attempt", faulty.created() == jobs == statuses["Completed"]
    yield "tries were lost, and the next ones went on with their jobs", max(tries) > 1
    yield "no job is left without an owner, none was stopped", stops == 0 and set(statuses) == {"Completed"}


def kill_worker(faulty: FaultyCluster) -> None:
    """Kill the busier worker, which waits for answers of AWS to calls that create jobs."""

    def waits() -> bool:
        faulty.restart_ended()
        return len(faulty.endpoint.paused()) == UNANSWERED

    wait_until(waits, f"{UNANSWERED} calls wait for their answers", timeout=PATIENCE)
    faulty.cluster.processes.kill(faulty.cluster.process(max(WORKERS, key=faulty.under_way)))
    faulty.endpoint.resume()


def add_worker(faulty: FaultyCluster) -> None:
    faulty.cluster.start("airflow-worker-1", "airflow-worker-3")


def restart_redis(faulty: FaultyCluster) -> None:
    redis = faulty.cluster.process("redis")
    faulty.cluster.processes.running.remove(redis)
    redis.stop()
    faulty.cluster.start("redis")
    wait_until(lambda: faulty.cluster.is_healthy("redis"), "Redis answers", timeout=60)


def cut_database(faulty: FaultyCluster) -> None:
    cut_connections(str(faulty.cluster.machine.database.database))


def move_triggerer(faulty: FaultyCluster) -> None:
    old = faulty.cluster.process("airflow-triggerer")
    faulty.cluster.start("airflow-triggerer", "airflow-triggerer-2")
    faulty.cluster.processes.kill(old)
