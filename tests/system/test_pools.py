"""A pipeline with a limit runs at most so many steps of a run at once, on Airflow's real components.

Nobody makes a pool by hand. The jobs take ten minutes on the endpoint's clock, and a test lets that time pass at once
whenever the runs have come to rest: as many steps wait for their jobs as the limit allows, and no step is on the move.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.records import JobRecord
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import pipeline_pool, run_pool
from tests.runs.harness import pipeline, training
from tests.system.api import AirflowApi
from tests.system.deployment import Deployment, deployed
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

JOB_SECONDS = 600
STEPS = 20
LIMIT = 5
ON_THE_MOVE = {"queued", "running", "up_for_retry", "restarting"}
DAG_FILE = """
from airflow_sm_pipelines import SageMakerPipelineDag

wide = SageMakerPipelineDag("wide.json")
twin = SageMakerPipelineDag("few.json", dag_id="twin", parallelism=2)
failing = SageMakerPipelineDag("few.json", dag_id="failing", parallelism=2)
mine = SageMakerPipelineDag("few.json", dag_id="mine", parallelism=3)
cleared = SageMakerPipelineDag("few.json", dag_id="cleared", parallelism=2)
shared = SageMakerPipelineDag("few.json", dag_id="shared", parallelism=3)
chains = SageMakerPipelineDag("chains.json", dag_id="chains", parallelism=2)
gone = SageMakerPipelineDag("few.json", dag_id="gone", parallelism=2)
impossible = SageMakerPipelineDag(
    "few.json", dag_id="impossible", default_args={"max_parallel_execution_steps": 2**31}
)
"""
DAG_IDS = {"gone", "wide", "twin", "failing", "mine", "cleared", "shared", "chains", "impossible"}

# So that what the triggerer must not remove would be removed within the tests.
SOON_TIDIED = {"AIRFLOW__SAGEMAKER_PIPELINES__JANITOR_INTERVAL": "1"}

T = TypeVar("T")


def steps(count: int) -> dict[str, Any]:
    return pipeline(*(training(f"Step{number:02}") for number in range(count)))


RETRIED = "InternalServerError: We encountered an internal error.  Please try again."
RETRY = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "IntervalSeconds": 10, "MaxAttempts": 1}


def chain(name: str) -> list[dict[str, Any]]:
    """Three steps, each of which waits for the one before."""
    first = training(f"{name}0", RetryPolicies=[RETRY])
    return [first, *(training(f"{name}{number}", DependsOn=[f"{name}{number - 1}"]) for number in (1, 2))]


FILES = {
    "dags.py": DAG_FILE,
    "wide.json": json.dumps(
        {
            "PipelineName": "wide",
            "PipelineDefinition": json.dumps(steps(STEPS)),
            "ParallelismConfiguration": {"MaxParallelExecutionSteps": LIMIT},
        }
    ),
    "few.json": json.dumps(steps(6)),
    "chains.json": json.dumps(pipeline(*chain("A"), *chain("B"), *chain("C"))),
}


@dataclass(frozen=True)
class Run:
    """A run of one of the Dags."""

    bench: "Bench"
    dag_id: str
    run_id: str

    @property
    def pool(self) -> str:
        """The name of the run's own pool."""
        return run_pool(Place(self.dag_id), self.run_id)

    def states(self) -> Counter[str | None]:
        """How many tasks are in which state."""
        return Counter(self.bench.airflow.task_states(self.dag_id, self.run_id).values())

    def jobs(self) -> list[JobRecord]:
        """The run's jobs, in the order of their creation."""
        execution = execution_id(Place(self.dag_id), self.run_id)
        return [job for job in self.bench.endpoint.jobs("training") if f"-{execution}-" in job.name]

    def most_at_once(self) -> int:
        """How many of the run's jobs were in progress at the same time, at most."""
        jobs = self.jobs()
        return max(
            sum(other.created <= job.created and (other.ended is None or other.ended > job.created) for other in jobs)
            for job in jobs
        )

    def rest(self, *, waiting: int) -> Counter[str | None]:
        """Wait until so many steps wait for their jobs and nothing is on the move; the states then."""

        def at_rest() -> Counter[str | None] | None:
            states = self.states()
            moving = any(states[state] for state in ON_THE_MOVE)
            return states if states["deferred"] == waiting and not moving and self._all_seen(states) else None

        return self.bench.until(at_rest, f"{waiting} steps of {self.dag_id} wait for their jobs")

    def _all_seen(self, states: Counter[str | None]) -> bool:
        """Whether no task still waits for a job that has ended."""
        return sum(job.ended is None for job in self.jobs()) == states["deferred"]

    def wait_for_end(self) -> str:
        """The state in which the run ends."""
        return self.bench.until(lambda: self.bench.airflow.ended(self.dag_id, self.run_id), f"end of {self.dag_id}")


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    @property
    def airflow(self) -> AirflowApi:
        return self.deployment.airflow

    def until(self, check: Callable[[], T | None], what: str) -> T:
        """Wait for what ought to happen within seconds, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=300, interval=0.3)

    def start(self, dag_id: str) -> Run:
        """Start a run."""
        return Run(self, dag_id, self.airflow.trigger(dag_id))

    def pools(self, dag_id: str) -> dict[str, int]:
        """The pools that have to do with a Dag: their sizes by name."""
        answer = self.airflow.call("GET", "/pools", params={"limit": 100})
        return {pool["name"]: pool["slots"] for pool in answer["pools"] if f".{dag_id}" in pool["name"]}

    def end_jobs(self) -> None:
        """Let the time pass that the jobs take."""
        self.until(self.deployment.knows_deferrals, "the scheduler knows who is deferred")
        self.endpoint.advance(JOB_SECONDS)


@pytest.fixture(scope="module")
def deployed_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One Airflow for all tests of the module."""
    folder = tmp_path_factory.mktemp("airflow")
    with (
        LocalEndpoint(scenario={"defaults": {"duration": JOB_SECONDS}}) as endpoint,
        deployed(folder, {**endpoint.environment, **SOON_TIDIED}, FILES) as deployment,
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


def test_twenty_steps_run_five_at_a_time_and_each_that_ends_is_told_before_another_starts(bench: Bench) -> None:
    assert bench.pools("wide") == {}
    run = bench.start("wide")

    for ended in range(0, STEPS, LIMIT):
        states = run.rest(waiting=LIMIT)
        # Whose job has ended has had its slot before any of the rest.
        assert states["success"] == ended
        assert len(run.jobs()) == ended + LIMIT
        assert bench.pools("wide") == {pipeline_pool(Place("wide")): LIMIT, run.pool: LIMIT}
        bench.end_jobs()

    assert run.wait_for_end() == "success"
    assert len(run.jobs()) == STEPS
    assert run.most_at_once() == LIMIT
    bench.until(lambda: bench.pools("wide") == {pipeline_pool(Place("wide")): LIMIT}, "the run's pool is gone")


def test_two_runs_at_once_have_a_limit_each_and_a_step_that_is_cleared_meanwhile_keeps_it(bench: Bench) -> None:
    first, second = bench.start("twin"), bench.start("twin")
    for run in (first, second):
        run.rest(waiting=2)
    assert sum(job.ended is None for job in bench.endpoint.jobs("training")) == 4
    assert bench.pools("twin") == {pipeline_pool(Place("twin")): 2, first.pool: 2, second.pool: 2}

    bench.end_jobs()
    for run in (first, second):
        assert run.rest(waiting=2)["success"] == 2
    bench.airflow.clear_task("twin", first.run_id, "Step00")
    bench.until(lambda: bench.airflow.task("twin", first.run_id, "Step00")["state"] == "scheduled", "Step00 waits")
    assert bench.airflow.task("twin", first.run_id, "Step00")["pool"] == first.pool

    def both_ended() -> bool:
        bench.end_jobs()
        return all(bench.airflow.ended("twin", run.run_id) is not None for run in (first, second))

    bench.until(both_ended, "both runs end")
    assert [run.wait_for_end() for run in (first, second)] == ["success", "success"]
    assert [len(run.jobs()) for run in (first, second)] == [7, 6]
    assert [run.most_at_once() for run in (first, second)] == [2, 2]


def test_of_two_schedulers_that_make_a_pool_at_once_one_waits_and_finds_it_made(bench: Bench) -> None:
    from airflow_sm_pipelines.server.run_pools import insert_if_absent

    engine = create_engine(bench.deployment.site.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    values = {"pool": "both", "slots": 2, "description": "", "include_deferred": True}

    def make(session: Session) -> None:
        session.execute(insert_if_absent(session, values))

    def somebody_waits() -> bool:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%slot_pool%'"
        with engine.connect() as connection:
            return bool(connection.scalar(text(f"{waiting} AND datname = current_database()")))

    with Session(engine) as one, Session(engine) as two, ThreadPoolExecutor() as thread:
        make(one)
        other = thread.submit(make, two)
        bench.until(somebody_waits, "the other waits for the first to commit")
        assert not other.done()
        one.commit()
        other.result()
        two.commit()
    assert bench.airflow.call("GET", "/pools/both")["slots"] == 2
    engine.dispose()


def test_a_step_that_fails_is_told_before_another_starts(bench: Bench) -> None:
    bench.endpoint.load_scenario(
        {"defaults": {"duration": JOB_SECONDS}, "jobs": [{"name": "*-Step00-*", "outcome": "Failed"}]}
    )
    run = bench.start("failing")
    run.rest(waiting=2)
    bench.end_jobs()

    states = run.rest(waiting=2)
    assert (states["failed"], states["success"]) == (1, 1)
    assert len(run.jobs()) == 4

    bench.airflow.call("PATCH", f"/dags/failing/dagRuns/{run.run_id}", json={"state": "failed"})
    bench.until(lambda: bench.pools("failing") == {pipeline_pool(Place("failing")): 2}, "the run's pool is gone")


def test_a_pool_that_a_user_made_holds_for_all_runs_and_stays_as_it_is(bench: Bench) -> None:
    pool = {"name": pipeline_pool(Place("mine")), "slots": 1, "description": "one GPU", "include_deferred": True}
    bench.airflow.call("POST", "/pools", json=pool)
    runs = [bench.start("mine"), bench.start("mine")]

    def one_waits() -> bool:
        states = runs[0].states() + runs[1].states()
        return states["deferred"] == 1 and states["scheduled"] == 11 and not states["running"]

    bench.until(one_waits, "one step of both runs waits for its job")
    assert len(bench.endpoint.jobs("training")) == 1
    found = bench.airflow.call("GET", f"/pools/{pool['name']}")
    assert {name: found[name] for name in pool} == pool
    assert bench.pools("mine") == {pool["name"]: 1}
    for run in runs:
        bench.airflow.call("PATCH", f"/dags/mine/dagRuns/{run.run_id}", json={"state": "failed"})


def test_steps_that_become_ready_late_start_after_the_ended_jobs_are_told(bench: Bench) -> None:
    run = bench.start("cleared")
    run.rest(waiting=2)
    bench.end_jobs()
    assert run.rest(waiting=2)["success"] == 2
    # By their weights they come before the two that wait for their jobs.
    for step in ("Step00", "Step01"):
        bench.airflow.clear_task("cleared", run.run_id, step)
    bench.until(lambda: run.states()["scheduled"] == 4, "both are ready again")

    bench.end_jobs()
    states = run.rest(waiting=2)
    assert (states["success"], len(run.jobs())) == (2, 6)
    bench.airflow.call("PATCH", f"/dags/cleared/dagRuns/{run.run_id}", json={"state": "failed"})


def test_of_two_runs_in_one_pool_the_first_is_told_of_its_jobs_before_the_second_starts(bench: Bench) -> None:
    pool = {"name": pipeline_pool(Place("shared")), "slots": 2, "description": "two GPUs", "include_deferred": True}
    bench.airflow.call("POST", "/pools", json=pool)
    first = bench.start("shared")
    first.rest(waiting=2)
    bench.end_jobs()
    first.rest(waiting=2)
    second = bench.start("shared")
    bench.until(lambda: second.states()["scheduled"] == 6, "the second run waits for slots")

    bench.end_jobs()
    second.rest(waiting=2)
    assert first.states() == {"success": 4, "scheduled": 2}
    for run in (first, second):
        bench.airflow.call("PATCH", f"/dags/shared/dagRuns/{run.run_id}", json={"state": "failed"})


def test_in_three_chains_a_step_that_is_tried_again_waits_until_the_ended_job_is_told(bench: Bench) -> None:
    failing = {"name": "*-A0-*", "outcome": "Failed", "failure_reason": RETRIED, "duration": 100, "times": 1}
    bench.endpoint.load_scenario(
        {"defaults": {"duration": JOB_SECONDS}, "jobs": [failing, {"name": "*-B0-*", "duration": 200}]}
    )
    run = bench.start("chains")
    run.rest(waiting=2)
    bench.endpoint.advance(100)
    # C0 has the slot of A0 when that is to be tried again, and A0 is the heaviest of all.
    wanted = {"A0": "scheduled", "B0": "deferred", "C0": "deferred"}
    bench.until(
        lambda: bench.airflow.task_states("chains", run.run_id).items() >= wanted.items(), "A0 waits for a slot again"
    )
    bench.endpoint.advance(100)
    states = run.rest(waiting=2)
    assert states["success"] == 1
    assert [job.ended is None for job in run.jobs()] == [False, False, True, True]

    def ended() -> bool:
        bench.end_jobs()
        return bench.airflow.ended("chains", run.run_id) is not None

    bench.until(ended, "the run ends")
    assert run.wait_for_end() == "success"
    assert (len(run.jobs()), run.most_at_once()) == (10, 2)


def test_the_pool_of_a_dag_that_is_deleted_goes(bench: Bench) -> None:
    run = bench.start("gone")
    run.rest(waiting=2)
    bench.airflow.call("PATCH", f"/dags/gone/dagRuns/{run.run_id}", json={"state": "failed"})
    bench.until(lambda: bench.pools("gone") == {pipeline_pool(Place("gone")): 2}, "the run's pool is gone")

    def pools_of_the_deleted() -> bool:
        # Its file is still there: the Dag processor lists the Dag again, maybe before anybody has looked for pools.
        if "gone" in bench.airflow.dag_ids():
            bench.airflow.call("DELETE", "/dags/gone")
        return bench.pools("gone") == {}

    bench.until(pools_of_the_deleted, "the pipeline's pool is gone")


def test_a_limit_that_no_pool_can_have_stops_no_other_run(bench: Bench) -> None:
    """The database refuses to make the pool, in the transaction in which the scheduler starts runs."""
    broken, other = bench.start("impossible"), bench.start("failing")
    other.rest(waiting=2)
    bench.end_jobs()
    other.rest(waiting=2)
    bench.until(lambda: broken.states() == {"scheduled": 6}, "its run has started, and waits for a pool")
    assert bench.pools("impossible") == {}
    for run in (broken, other):
        bench.airflow.call("PATCH", f"/dags/{run.dag_id}/dagRuns/{run.run_id}", json={"state": "failed"})
