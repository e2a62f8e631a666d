"""ForEach steps on Airflow's real scheduler: how many children run at once, and what becomes of them by force.

The jobs take ten minutes on the endpoint's clock. What only waits is seen to rest: as many children wait for their jobs
as may, and no task is on the move.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.records import JobRecord
from tests.runs.harness import get, pipeline, training
from tests.system.deployment import Deployment, deployed
from tests.system.processes import shown_on_failure
from tests.system.test_kill_and_recovery import NOBODY_ELSE_STOPS, parent_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

JOB_SECONDS = 600
ITEMS = ["a", "b", "c", "d", "e"]
LIMIT = 2
DAG_IDS = {"number", "expression", "synchronous"}
DAG_FILE = """
from datetime import timedelta

from airflow_sm_pipelines import SageMakerPipelineDag

number = SageMakerPipelineDag("number.json")
expression = SageMakerPipelineDag("expression.json")
synchronous = SageMakerPipelineDag("number.json", dag_id="synchronous", deferrable=False)
synchronous.get_task("Train").retry_delay = timedelta(seconds=1)
"""

T = TypeVar("T")


def loop(limit: Any) -> dict[str, Any]:
    body = training("Train", Arguments={"HyperParameters": {"item": get("ForEach.CurrentItem")}})
    arguments = {"IterableItems": get("Parameters.Items"), "MaxConcurrency": limit, "ForEachBody": [body]}
    parameters = [
        {"Name": "Items", "Type": "String", "DefaultValue": json.dumps(ITEMS)},
        {"Name": "Most", "Type": "Integer", "DefaultValue": LIMIT},
    ]
    return pipeline({"Name": "Loop", "Type": "ForEach", "Arguments": arguments}, Parameters=parameters)


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def until(self, check: Callable[[], T | None], what: str) -> T:
        """Wait for what ought to happen within seconds, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=120, interval=0.3)


@dataclass(frozen=True)
class Run:
    """A run of one of the Dags."""

    bench: Bench
    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances"

    def children(self) -> dict[int, dict[str, Any]]:
        """The children by map index."""
        answer = self.bench.deployment.airflow.call("GET", f"{self.path}/Train/listMapped", params={"limit": 100})
        return {task["map_index"]: task for task in answer["task_instances"]}

    def states(self) -> list[str | None]:
        """The children's states in the order of their items."""
        return [task["state"] for _, task in sorted(self.children().items())]

    def jobs(self) -> list[JobRecord]:
        """The run's jobs in the order of their creation."""
        execution = execution_id(self.dag_id, self.run_id)
        return [job for job in self.bench.endpoint.jobs("training") if f"-{execution}-" in job.name]

    def job_of(self, item: str) -> JobRecord:
        """The one job of an item."""
        [job] = [job for job in self.jobs() if job.request["HyperParameters"]["item"] == item]
        return job

    def is_looked_at(self, item: str) -> bool:
        """Whether someone has asked what has become of an item's job."""
        looks = self.bench.endpoint.requests("sagemaker", "DescribeTrainingJob")
        return any(look.parameters["TrainingJobName"] == self.job_of(item).name for look in looks)

    def most_at_once(self) -> int:
        """How many of the run's jobs were in progress at the same time, at most."""
        jobs = self.jobs()
        return max(
            sum(other.created <= job.created and (other.ended is None or other.ended > job.created) for other in jobs)
            for job in jobs
        )

    def wait_for_jobs(self, count: int, *, waiting: str) -> None:
        """Wait until so many jobs have been created, and a child in the state ``waiting`` for each that goes on."""

        def at_rest() -> bool:
            going = [job for job in self.jobs() if job.ended is None]
            return len(self.jobs()) == count and self.states().count(waiting) == len(going)

        self.bench.until(at_rest, f"{count} jobs of {self.dag_id}")

    def wait_for_end(self) -> str:
        airflow = self.bench.deployment.airflow
        return self.bench.until(lambda: airflow.ended(self.dag_id, self.run_id), f"end of {self.dag_id}")


@pytest.fixture(scope="module")
def deployed_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One Airflow for all tests of the module."""
    dags = {
        "dags.py": DAG_FILE,
        "number.json": json.dumps(loop(LIMIT)),
        "expression.json": json.dumps(loop(get("Parameters.Most"))),
    }
    with (
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        deployed(tmp_path_factory.mktemp("airflow"), {**endpoint.environment, **NOBODY_ELSE_STOPS}, dags) as deployment,
    ):
        bench = Bench(deployment, endpoint)
        bench.until(lambda: deployment.airflow.dag_ids() >= DAG_IDS, "the Dags are listed")
        yield bench


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow, and an endpoint with no jobs in it."""
    deployed_bench.endpoint.reset()
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def start(bench: Bench, dag_id: str) -> Run:
    return Run(bench, dag_id, bench.deployment.airflow.trigger(dag_id))


def test_no_more_children_run_at_once_than_may(bench: Bench) -> None:
    """Whether the definition has the limit as a number, which the scheduler knows, or as an expression."""
    runs = [start(bench, "number"), start(bench, "expression")]
    for run in runs:
        run.wait_for_jobs(LIMIT, waiting="deferred")
    created = LIMIT
    while created < len(ITEMS):
        bench.endpoint.advance(JOB_SECONDS)
        created = min(created + LIMIT, len(ITEMS))
        for run in runs:
            run.wait_for_jobs(created, waiting="deferred")
    bench.endpoint.advance(JOB_SECONDS)
    for run in runs:
        assert run.wait_for_end() == "success"
        assert sorted(job.request["HyperParameters"]["item"] for job in run.jobs()) == ITEMS
        assert run.most_at_once() == LIMIT
        children = [task for _, task in sorted(run.children().items())]
        assert [task["rendered_map_index"] for task in children] == [f"Train-{index}" for index in range(len(ITEMS))]


def test_a_child_that_is_killed_stops_its_own_job(bench: Bench) -> None:
    run = start(bench, "number")
    run.wait_for_jobs(LIMIT, waiting="deferred")
    # A trigger that the triggerer has not begun yet is not told of a kill.
    bench.until(lambda: run.is_looked_at("a"), "the job of the first item is looked at")

    bench.deployment.airflow.call("PATCH", f"{run.path}/Train/0", json={"new_state": "failed"})
    bench.until(lambda: run.job_of("a").status == "Stopped", "the job of the first item is stopped")
    run.wait_for_jobs(LIMIT + 1, waiting="deferred")
    while len(run.jobs()) < len(ITEMS):
        bench.endpoint.advance(JOB_SECONDS)
        run.wait_for_jobs(len(ITEMS), waiting="deferred")
    bench.endpoint.advance(JOB_SECONDS)

    assert run.wait_for_end() == "failed"
    assert run.states() == ["failed", "success", "success", "success", "success"]
    assert [run.job_of(item).status for item in ITEMS] == ["Stopped", *["Completed"] * 4]


def test_a_child_whose_worker_dies_or_is_shut_down_keeps_its_job_and_its_turn(bench: Bench) -> None:
    run = start(bench, "synchronous")
    run.wait_for_jobs(LIMIT, waiting="running")
    first, second = (run.children()[index]["pid"] for index in range(LIMIT))
    assert parent_of(first) != parent_of(second)

    os.kill(first, signal.SIGTERM)
    looks = len(bench.endpoint.requests("sagemaker", "DescribeTrainingJob"))
    bench.until(
        lambda: len(bench.endpoint.requests("sagemaker", "DescribeTrainingJob")) > looks + 4, "the jobs are looked at"
    )
    os.kill(first, signal.SIGKILL)
    os.kill(second, signal.SIGKILL)
    bench.until(
        lambda: all(
            run.children()[index]["try_number"] >= 2 and run.children()[index]["state"] == "running"
            for index in range(LIMIT)
        ),
        "second tries",
    )
    assert bench.endpoint.requests("sagemaker", "StopTrainingJob") == ()
    for created in (LIMIT, 2 * LIMIT, len(ITEMS)):
        run.wait_for_jobs(created, waiting="running")
        bench.endpoint.advance(JOB_SECONDS)
    assert run.wait_for_end() == "success"
    assert sorted(job.request["HyperParameters"]["item"] for job in run.jobs()) == ITEMS
    assert run.most_at_once() == LIMIT
