"""One job per attempt, whatever dies (design.md, invariant 4), on Airflow's real components.

The jobs take ten minutes on the endpoint's clock. A test that wants one to end lets that time pass at once.
"""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import pipeline, training
from tests.system.api import AirflowApi
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

JOB_SECONDS = 600
TASK = "Train"
DAG_IDS = DEFERRED, SYNCHRONOUS = "train-deferred", "train-synchronous"
DAG_FILE = f"""
from datetime import timedelta

from airflow_sm_pipelines import SageMakerPipelineDag

deferred = SageMakerPipelineDag("training.json", dag_id={DEFERRED!r}, deferrable=True)
synchronous = SageMakerPipelineDag("training.json", dag_id={SYNCHRONOUS!r}, deferrable=False)
for dag in (deferred, synchronous):
    dag.get_task("Train").retry_delay = timedelta(seconds=1)
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A run of one of the Dags."""

    bench: "Bench"
    dag_id: str
    run_id: str

    @property
    def airflow(self) -> AirflowApi:
        return self.bench.deployment.airflow

    @property
    def task_state(self) -> str | None:
        state: str | None = self.airflow.task(self.dag_id, self.run_id, TASK)["state"]
        return state

    def wait_for_task(self, state: str, *, attempt: int = 1) -> None:
        """Wait until the task's try of that number is in that state."""
        self.bench.until(
            lambda: (
                (task := self.airflow.task(self.dag_id, self.run_id, TASK))["state"] == state
                and task["try_number"] == attempt
            ),
            f"try {attempt} of {self.dag_id} is {state}",
        )

    def wait_for_end(self) -> str:
        """The state in which the run ends."""
        return self.bench.until(lambda: self.airflow.ended(self.dag_id, self.run_id), f"end of {self.dag_id}")

    def worker(self) -> tuple[int, int]:
        """Process ids of the running task and of its supervisor; both belong to the scheduler's LocalExecutor."""
        task: int = self.airflow.task(self.dag_id, self.run_id, TASK)["pid"]
        supervisor = parent_of(task)
        assert {task, supervisor} <= self.bench.deployment.process("scheduler").family()
        return task, supervisor


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def until(self, check: Callable[[], T | None], what: str) -> T:
        """Wait for what ought to happen within seconds, while all components live."""
        return self.deployment.processes.wait_until(check, what, timeout=300, interval=0.2)

    def start(self, dag_id: str) -> Run:
        """Start a run."""
        return Run(self, dag_id, self.deployment.airflow.trigger(dag_id))

    def start_and_wait_for_job(self, dag_id: str) -> Run:
        """Start a run and wait until its task waits for its job and has looked at it."""
        run = self.start(dag_id)
        run.wait_for_task("deferred" if dag_id == DEFERRED else "running")
        self.wait_for_next_look()
        return run

    def wait_for_next_look(self) -> None:
        """Wait until someone asks what has become of a job."""
        self.deployment.wait_for_next_look(self.endpoint)

    def job_names(self, verb: str) -> list[str]:
        """The job names in the calls that the endpoint got: Create, Describe or Stop."""
        calls = self.endpoint.requests("sagemaker", f"{verb}TrainingJob")
        return [call.parameters["TrainingJobName"] for call in calls]

    def end_jobs(self) -> None:
        """Let the time pass that the jobs take."""
        self.endpoint.advance(JOB_SECONDS)


def parent_of(pid: int) -> int:
    """The process id of a process's parent."""
    status = Path(f"/proc/{pid}/status").read_text()
    (parent,) = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
    return int(parent)


@pytest.fixture(scope="module")
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    """The Airflow that all system tests share, with the Dags of this module."""
    dags = {"dags.py": DAG_FILE, "training.json": json.dumps(pipeline(training(TASK)))}
    shared_airflow.deployment.add("kill_and_recovery", dags, DAG_IDS)
    return Bench(shared_airflow.deployment, shared_airflow.endpoint)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow, and an endpoint with no jobs in it."""
    deployed_bench.endpoint.reset({"defaults": {"duration": JOB_SECONDS}})
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_a_task_that_is_marked_failed_stops_its_job_once(bench: Bench, dag_id: str) -> None:
    run = bench.start_and_wait_for_job(dag_id)

    run.airflow.set_task_state(dag_id, run.run_id, TASK, "failed")

    bench.until(lambda: bool(bench.job_names("Stop")), "StopTrainingJob")
    assert run.wait_for_end() == "failed"
    (job,) = bench.endpoint.jobs("training")
    assert bench.endpoint.wait(job.name).status == "Stopped"
    assert bench.job_names("Create") == [job.name]
    assert bench.job_names("Stop") == [job.name]


@pytest.mark.parametrize("supervisor_too", [False, True], ids=["task", "task and supervisor"])
def test_a_try_after_the_death_of_a_worker_adopts_the_job(bench: Bench, supervisor_too: bool) -> None:
    run = bench.start_and_wait_for_job(SYNCHRONOUS)
    task, supervisor = run.worker()

    if supervisor_too:
        os.kill(supervisor, signal.SIGKILL)  # first, or it would report the task's death
    os.kill(task, signal.SIGKILL)
    run.wait_for_task("running", attempt=2)
    bench.wait_for_next_look()
    bench.end_jobs()

    assert run.wait_for_end() == "success"
    assert len(bench.job_names("Create")) == 1
    assert bench.job_names("Stop") == []


def test_a_triggerer_that_dies_and_is_started_again_goes_on_waiting(bench: Bench) -> None:
    run = bench.start_and_wait_for_job(DEFERRED)

    bench.deployment.processes.kill(bench.deployment.process("triggerer"))
    assert run.task_state == "deferred"
    bench.deployment.start("triggerer", "triggerer")
    bench.wait_for_next_look()
    bench.end_jobs()

    assert run.wait_for_end() == "success"
    assert len(bench.job_names("Create")) == 1
    assert bench.job_names("Stop") == []


@pytest.mark.parametrize("whole_session", [False, True], ids=["task", "every process"])
def test_an_orderly_shutdown_of_the_worker_does_not_stop_the_job(bench: Bench, whole_session: bool) -> None:
    run = bench.start_and_wait_for_job(SYNCHRONOUS)
    scheduler = bench.deployment.process("scheduler")
    task, _supervisor = run.worker()

    if whole_session:  # as a container's or a service manager's stop does it
        bench.deployment.processes.running.remove(scheduler)
        for pid in scheduler.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        looks = len(bench.endpoint.requests("sagemaker", "DescribeTrainingJob"))
        bench.until(
            lambda: (
                scheduler.popen.poll() is not None
                or len(bench.endpoint.requests("sagemaker", "DescribeTrainingJob")) > looks + 1
            ),
            "the scheduler ends, or its task goes on looking at the job",
        )
        scheduler.kill()  # what does not end in time is killed
        bench.deployment.start("scheduler")
    else:
        os.kill(task, signal.SIGTERM)
        # The first look may have been under way when the signal came.
        for _ in range(2):
            bench.wait_for_next_look()
        os.kill(task, signal.SIGKILL)
    run.wait_for_task("running", attempt=2)
    bench.wait_for_next_look()
    assert bench.job_names("Stop") == []
    bench.end_jobs()

    assert run.wait_for_end() == "success"
    assert len(bench.job_names("Create")) == 1


@pytest.mark.parametrize("dag_id", DAG_IDS)
def test_clearing_a_task_that_waits_stops_its_job_and_starts_another(bench: Bench, dag_id: str) -> None:
    """The try that is cleared and the one that follows do not fight over one job."""
    run = bench.start_and_wait_for_job(dag_id)

    run.airflow.clear_task(dag_id, run.run_id, TASK)
    bench.until(lambda: len(bench.job_names("Create")) > 1, "a second CreateTrainingJob")
    first, second = bench.job_names("Create")
    bench.until(lambda: bool(bench.job_names("Stop")), "StopTrainingJob")
    assert bench.endpoint.wait(first).status == "Stopped"
    bench.end_jobs()

    assert run.wait_for_end() == "success"
    assert first != second
    assert bench.job_names("Create") == [first, second]
    # The killed try and the next one may both have asked.
    assert set(bench.job_names("Stop")) == {first}


def test_clearing_a_task_that_succeeded_starts_another_job(bench: Bench) -> None:
    run = bench.start_and_wait_for_job(DEFERRED)
    bench.end_jobs()
    assert run.wait_for_end() == "success"

    run.airflow.clear_task(DEFERRED, run.run_id, TASK)
    bench.until(lambda: len(bench.job_names("Create")) > 1, "a second CreateTrainingJob")
    bench.end_jobs()

    assert run.wait_for_end() == "success"
    first, second = bench.job_names("Create")
    assert first != second


def test_two_runs_at_once_have_a_job_each(bench: Bench) -> None:
    runs = [bench.start(DEFERRED), bench.start(DEFERRED)]
    for run in runs:
        run.wait_for_task("deferred")
    bench.end_jobs()

    assert [run.wait_for_end() for run in runs] == ["success", "success"]
    first, second = bench.job_names("Create")
    assert first != second
