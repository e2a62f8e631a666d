"""Running a part of a pipeline again on Airflow's real components: a task that is cleared, and selected steps."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import get, pipeline, training
from tests.system.deployment import Deployment, deployed
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

DAG_ID = "chain"
DAG_FILE = """
from airflow_sm_pipelines import SageMakerPipelineDag

dag = SageMakerPipelineDag("chain.json", dag_id="chain")
"""
EXECUTION = get("Execution.PipelineExecutionId")


def reading(name: str, step: str) -> Any:
    parameters = {"read": get(f"Steps.{step}.TrainingJobName"), "execution": EXECUTION}
    return training(name, Arguments={"HyperParameters": parameters})


CHAIN = pipeline(training("A"), reading("B", "A"), reading("C", "B"), training("Apart"))
C_FAILS = {"jobs": [{"kind": "training", "name": "*-C-*", "outcome": "Failed", "times": 1}]}


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dag calls."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def wait_for_end(self, run_id: str) -> str:
        """The state in which a run ends."""
        return self.deployment.processes.wait_until(
            lambda: self.deployment.airflow.ended(DAG_ID, run_id), f"end of {run_id}", timeout=120, interval=0.2
        )

    def run(self, **conf: Any) -> tuple[str, str]:
        """Id and final state of a run."""
        run_id = self.deployment.airflow.trigger(DAG_ID, conf)
        return run_id, self.wait_for_end(run_id)

    def states(self, run_id: str) -> dict[str, str | None]:
        """State of each step."""
        return self.deployment.airflow.task_states(DAG_ID, run_id)

    def created(self) -> dict[str, list[dict[str, Any]]]:
        """The requests that created training jobs, by step."""
        found: dict[str, list[dict[str, Any]]] = {}
        for call in self.endpoint.requests("sagemaker", "CreateTrainingJob"):
            found.setdefault(call.parameters["TrainingJobName"].split("-")[2], []).append(dict(call.parameters))
        return found


@pytest.fixture(scope="module")
def deployed_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One Airflow for all tests of the module."""
    dags = {"dags.py": DAG_FILE, "chain.json": json.dumps(CHAIN)}
    with (
        LocalEndpoint(scenario=C_FAILS) as endpoint,
        deployed(tmp_path_factory.mktemp("airflow"), endpoint.environment, dags) as deployment,
    ):
        deployment.processes.wait_until(lambda: DAG_ID in deployment.airflow.dag_ids(), "the Dag is listed", timeout=90)
        yield Bench(deployment, endpoint)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    """The Airflow, and an endpoint with no jobs in it whose first job of the step C fails."""
    deployed_bench.endpoint.reset(C_FAILS)
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def test_a_failed_step_that_is_cleared_runs_again_alone(bench: Bench) -> None:
    """As RetryPipelineExecution does: the same execution, and what succeeded stays."""
    run_id, state = bench.run()
    assert state == "failed"
    assert bench.states(run_id) == {"A": "success", "B": "success", "C": "failed", "Apart": "success"}
    before = bench.created()

    bench.deployment.airflow.clear_task(DAG_ID, run_id, "C")

    assert bench.wait_for_end(run_id) == "success"
    after = bench.created()
    assert {step: len(jobs) for step, jobs in after.items()} == {"A": 1, "B": 1, "C": 2, "Apart": 1}
    assert {step: jobs for step, jobs in after.items() if step != "C"} == {
        step: jobs for step, jobs in before.items() if step != "C"
    }
    first, second = after["C"]
    assert first["HyperParameters"] == second["HyperParameters"]
    assert first["TrainingJobName"].split("-")[1] == second["TrainingJobName"].split("-")[1]
    assert first["TrainingJobName"] != second["TrainingJobName"]


def test_a_selective_run_takes_the_rest_from_the_latest_run(bench: Bench) -> None:
    # Neither the ids nor their order tell which run is the later one.
    for run_id, expected in (("z", "failed"), ("m", "success")):
        body = {"logical_date": None, "dag_run_id": run_id}
        bench.deployment.airflow.call("POST", f"/dags/{DAG_ID}/dagRuns", json=body)
        assert bench.wait_for_end(run_id) == expected
    before = bench.created()

    run_id, state = bench.run(sagemaker_selected_steps=["C"])

    assert state == "success"
    assert bench.states(run_id) == {"A": "success", "B": "success", "C": "success", "Apart": "skipped"}
    after = bench.created()
    assert {step: len(jobs) for step, jobs in after.items()} == {"A": 2, "B": 2, "C": 3, "Apart": 2}
    assert after["C"][2]["HyperParameters"]["read"] == before["B"][1]["TrainingJobName"]
    executions = {request["HyperParameters"]["execution"] for request in after["C"]}
    assert len(executions) == 3

    # A run of the same steps that is cleared as a whole goes on from the same results.
    bench.deployment.airflow.call("POST", f"/dags/{DAG_ID}/dagRuns/{run_id}/clear", json={"dry_run": False})
    assert bench.wait_for_end(run_id) == "success"
    assert bench.created()["C"][3]["HyperParameters"] == after["C"][2]["HyperParameters"]


def test_a_selection_that_cannot_run_is_told_in_the_log_of_the_first_steps(bench: Bench) -> None:
    run_id, state = bench.run(sagemaker_selected_steps=["A", "C"], sagemaker_source_run_id="none")
    assert state == "failed"
    assert bench.states(run_id) == {"A": "failed", "B": "upstream_failed", "C": "upstream_failed", "Apart": "failed"}
    assert list(bench.endpoint.requests()) == []
    log = bench.deployment.airflow.call(
        "GET",
        f"/dags/{DAG_ID}/dagRuns/{run_id}/taskInstances/A/logs/1",
        params={"full_content": True},
        headers={"Accept": "application/json"},
    )
    told = json.dumps(log)
    assert "Missing: 'B', on the path A -> B -> C." in told
    assert "this Dag has no run 'none'." in told
