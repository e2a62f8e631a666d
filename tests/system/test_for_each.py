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
from airflow_sm_pipelines.place import Place
from tests.runs.harness import get, pipeline, training
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure
from tests.system.test_kill_and_recovery import parent_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

JOB_SECONDS = 600
ITEMS = ["a", "b", "c", "d", "e"]
LIMIT = 2
DAG_IDS = {"number", "bodies", "pooled", "synchronous"}
DAG_FILE = """
from datetime import timedelta

from airflow_sm_pipelines import SageMakerPipelineDag

number = SageMakerPipelineDag("number.json")
bodies = SageMakerPipelineDag("bodies.json")
pooled = SageMakerPipelineDag("bodies.json", dag_id="pooled", parameters={"Items": '["a", "b"]'}, parallelism=1)
synchronous = SageMakerPipelineDag("number.json", dag_id="synchronous", deferrable=False)
synchronous.get_task("Loop.Train").retry_delay = timedelta(seconds=1)
"""

T = TypeVar("T")


def loop(*more: dict[str, Any], items: list[str] = ITEMS) -> dict[str, Any]:
    """A ForEach step that trains for each item, and does what else is in its body."""
    body = [training("Train", Arguments={"HyperParameters": {"item": get("ForEach.CurrentItem")}}), *more]
    arguments = {"IterableItems": get("Parameters.Items"), "MaxConcurrency": LIMIT, "ForEachBody": body}
    parameters = [{"Name": "Items", "Type": "String", "DefaultValue": json.dumps(items)}]
    return pipeline({"Name": "Loop", "Type": "ForEach", "Arguments": arguments}, Parameters=parameters)


REPORT = training(
    "Report",
    Arguments={"HyperParameters": {"item": get("ForEach.CurrentItem"), "of": get("Steps.Train.TrainingJobName")}},
)


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def until(self, check: Callable[[], T | None], what: str) -> T:
        """Wait for what ought to happen within seconds, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=300, interval=0.3)


@dataclass(frozen=True)
class Run:
    """A run of one of the Dags."""

    bench: Bench
    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}/taskInstances"

    def children(self, step: str = "Train") -> dict[int, dict[str, Any]]:
        """The children of a step of the body by map index."""
        answer = self.bench.deployment.airflow.call("GET", f"{self.path}/Loop.{step}/listMapped", params={"limit": 100})
        return {task["map_index"]: task for task in answer["task_instances"]}

    def states(self, step: str = "Train") -> list[str | None]:
        """The states of a step's children in the order of their items."""
        return [task["state"] for _, task in sorted(self.children(step).items())]

    def result(self) -> dict[str, Any]:
        """What the step gives."""
        path = f"{self.path}/Loop.ForEach.result/xcomEntries/return_value"
        answer = self.bench.deployment.airflow.call("GET", path, params={"deserialize": True})
        return dict(answer["value"])

    def names(self) -> list[str]:
        """The children that have jobs, as their jobs are named: Train-0."""
        return ["-".join(job.name.split("-")[2:4]) for job in self.jobs()]

    def jobs(self) -> list[JobRecord]:
        """The run's jobs in the order of their creation."""
        execution = execution_id(Place(self.dag_id), self.run_id)
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

    def wait_for_jobs(self, count: int, *, waiting: str, steps: tuple[str, ...] = ("Train",)) -> None:
        """Wait until so many jobs have been created, and a child in the state ``waiting`` for each that goes on."""

        def at_rest() -> bool:
            going = [job for job in self.jobs() if job.ended is None]
            states = [state for step in steps for state in self.states(step)]
            return len(self.jobs()) == count and states.count(waiting) == len(going)

        self.bench.until(at_rest, f"{count} jobs of {self.dag_id}")

    def wait_for_end(self) -> str:
        airflow = self.bench.deployment.airflow
        return self.bench.until(lambda: airflow.ended(self.dag_id, self.run_id), f"end of {self.dag_id}")


@pytest.fixture(scope="module")
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    """The Airflow that all system tests share, with the Dags of this module."""
    dags = {
        "dags.py": DAG_FILE,
        "number.json": json.dumps(loop()),
        "bodies.json": json.dumps(loop(REPORT, items=["a", "b", "c"])),
    }
    shared_airflow.deployment.add("for_each", dags, DAG_IDS)
    return Bench(shared_airflow.deployment, shared_airflow.endpoint)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow, and an endpoint with no jobs in it."""
    deployed_bench.endpoint.reset({"defaults": {"duration": JOB_SECONDS}})
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def start(bench: Bench, dag_id: str) -> Run:
    return Run(bench, dag_id, bench.deployment.airflow.trigger(dag_id))


def test_no_more_children_run_at_once_than_may(bench: Bench) -> None:
    run = start(bench, "number")
    run.wait_for_jobs(LIMIT, waiting="deferred")
    created = LIMIT
    while created < len(ITEMS):
        bench.endpoint.advance(JOB_SECONDS)
        created = min(created + LIMIT, len(ITEMS))
        run.wait_for_jobs(created, waiting="deferred")
    bench.endpoint.advance(JOB_SECONDS)
    assert run.wait_for_end() == "success"
    assert sorted(job.request["HyperParameters"]["item"] for job in run.jobs()) == ITEMS
    assert run.most_at_once() == LIMIT
    assert [task["rendered_map_index"] for _, task in sorted(run.children().items())] == ITEMS


def test_each_item_goes_through_the_body_by_itself(bench: Bench) -> None:
    """The second training takes twice as long, and the third fails; the limit is for all steps together.

    The child that failed is cleared then, and runs again with what is downstream of it, and nothing else.
    """
    jobs = [
        {"kind": "training", "name": "*-Train-1-*", "duration": 2 * JOB_SECONDS},
        {
            "kind": "training",
            "name": "*-Train-2-*",
            "outcome": "Failed",
            "failure_reason": "AlgorithmError: x",
            "times": 1,
        },
    ]
    bench.endpoint.reset({"defaults": {"duration": JOB_SECONDS}, "jobs": jobs})
    run = start(bench, "bodies")
    for count, others in ((2, []), (3, ["Report-0"]), (5, ["Report-1", "Train-2"])):
        run.wait_for_jobs(count, waiting="deferred", steps=("Train", "Report"))
        assert sorted(run.names()[-len(others) :] if others else []) == others
        bench.endpoint.advance(JOB_SECONDS)
    assert run.wait_for_end() == "failed"
    assert run.most_at_once() == LIMIT
    assert run.states() == ["success", "success", "failed"]
    assert run.states("Report") == ["success", "success", "upstream_failed"]
    trained = {run.names()[index]: job.name for index, job in enumerate(run.jobs())}
    reports = [job.request["HyperParameters"] for job in run.jobs() if "-Report-" in job.name]
    assert sorted(reports, key=lambda report: report["item"]) == [
        {"item": "a", "of": trained["Train-0"]},
        {"item": "b", "of": trained["Train-1"]},
    ]
    counts = {"InputItemCount": 3, "StoppedStepCount": 0}
    failed = {"Status": "Failed", **counts, "TotalStepCount": 5, "SucceededStepCount": 4, "FailedStepCount": 1}
    assert run.result().items() >= failed.items()

    cleared = {"task_ids": [["Loop.Train", 2]], "include_downstream": True, "only_failed": False}
    what = {**cleared, "dag_run_id": run.run_id, "dry_run": False}
    bench.deployment.airflow.call("POST", "/dags/bodies/clearTaskInstances", json=what)
    for count, name in ((6, "Train-2"), (7, "Report-2")):
        run.wait_for_jobs(count, waiting="deferred", steps=("Train", "Report"))
        assert run.names()[-1] == name
        bench.endpoint.advance(JOB_SECONDS)
    assert run.wait_for_end() == "success"
    succeeded = {"Status": "Succeeded", **counts, "TotalStepCount": 6, "SucceededStepCount": 6, "FailedStepCount": 0}
    assert run.result().items() >= succeeded.items()
    assert len(run.jobs()) == 7


def test_the_pool_of_the_pipeline_and_the_limit_of_the_loop_hold_both(bench: Bench) -> None:
    run = start(bench, "pooled")
    for count in range(1, 5):
        run.wait_for_jobs(count, waiting="deferred", steps=("Train", "Report"))
        bench.endpoint.advance(JOB_SECONDS)
    assert run.wait_for_end() == "success"
    assert run.most_at_once() == 1
    assert sorted(run.names()) == ["Report-0", "Report-1", "Train-0", "Train-1"]


def test_a_child_that_is_killed_stops_its_own_job(bench: Bench) -> None:
    run = start(bench, "number")
    run.wait_for_jobs(LIMIT, waiting="deferred")
    # A trigger that the triggerer has not begun yet is not told of a kill.
    bench.until(lambda: run.is_looked_at("a"), "the job of the first item is looked at")

    bench.deployment.airflow.call("PATCH", f"{run.path}/Loop.Train/0", json={"new_state": "failed"})
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
