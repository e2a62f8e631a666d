"""Names that are made unique, and Cleanup steps, on Airflow's real components: again and again, cleared, and killed."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.place import Place
from tests.runs.harness import BUCKET
from tests.runs.test_cleanup import OTHERS, SCENARIO
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure
from tests.system.test_kill_and_recovery import parent_of

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

CASES = Path(__file__).parent.parent / "cases"
CHAIN = CASES / "100-endpoint-config-with-a-literal-name-run-twice.json"
CLEANUP = CASES / "41-cleanup-step.json"
DAG_FILE = """
from datetime import timedelta

from airflow_sm_pipelines import SageMakerPipelineDag

chain = SageMakerPipelineDag("chain.json", dag_id="chain")
cleanup = SageMakerPipelineDag("cleanup.json", dag_id="cleanup")
cleanup.get_task("Tidy").retry_delay = timedelta(seconds=1)
"""

T = TypeVar("T")


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def until(self, check: Callable[[], T | None], what: str) -> T:
        return self.deployment.processes.wait_until(check, what, timeout=300, interval=0.2)

    def succeeded(self, dag_id: str, run_id: str) -> str:
        end = self.until(lambda: self.deployment.airflow.ended(dag_id, run_id), f"end of {run_id}")
        assert end == "success", self.deployment.airflow.task_states(dag_id, run_id)
        return run_id

    def result(self, dag_id: str, run_id: str, task: str) -> Any:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}/xcomEntries/return_value"
        return self.deployment.airflow.call("GET", path, params={"deserialize": True})["value"]


@pytest.fixture(scope="module")
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    """The Airflow that all system tests share, with the Dags of this module."""
    dags = {"dags.py": DAG_FILE, "chain.json": CHAIN.read_text(), "cleanup.json": CLEANUP.read_text()}
    shared_airflow.deployment.add("names_and_cleanup", dags, {"chain", "cleanup"})
    return Bench(shared_airflow.deployment, shared_airflow.endpoint)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def test_a_chain_with_a_literal_name_runs_again_and_is_cleared(bench: Bench) -> None:
    bench.endpoint.reset({"defaults": {"duration": 0.2}})
    airflow = bench.deployment.airflow
    runs = [bench.succeeded("chain", airflow.trigger("chain")) for _ in range(3)]
    names = [f"my-config-{execution_id(Place('chain'), run_id)}" for run_id in runs]

    # The Model step makes a new model, so the configuration that is there is not what the step asks for now.
    what = {"dag_run_id": runs[-1], "task_ids": ["Create"], "include_downstream": True, "only_failed": False}
    airflow.call("POST", "/dags/chain/clearTaskInstances", json={"dry_run": False, **what})
    bench.succeeded("chain", runs[-1])

    made = [call for call in bench.endpoint.requests("sagemaker", "CreateEndpointConfig") if call.error_code is None]
    assert [call.parameters["EndpointConfigName"] for call in made] == [*names, f"{names[-1]}-2"]
    models = [call.parameters["ProductionVariants"][0]["ModelName"] for call in made]
    assert len(set(models)) == 4
    assert len(bench.endpoint.requests("sagemaker", "CreateEndpoint")) == 1
    updates = [call.parameters for call in bench.endpoint.requests("sagemaker", "UpdateEndpoint")]
    assert [update["EndpointConfigName"] for update in updates] == [*names[1:], f"{names[-1]}-2"]
    assert bench.result("chain", runs[-1], "Endpoint")["EndpointConfigName"] == f"{names[-1]}-2"


def test_a_cleanup_whose_worker_dies_goes_on(bench: Bench) -> None:
    bench.endpoint.reset({**SCENARIO, "faults": [{"service": "s3", "action": "DeleteObjects", "pause": "after"}]})
    airflow = bench.deployment.airflow
    run_id = airflow.trigger("cleanup")
    bench.until(lambda: bench.endpoint.paused() or None, "objects are deleted and nobody has heard of it")
    task: int = airflow.task("cleanup", run_id, "Tidy")["pid"]
    supervisor = parent_of(task)
    for pid in (supervisor, task):
        os.kill(pid, signal.SIGKILL)
    bench.endpoint.resume()
    bench.succeeded("cleanup", run_id)

    model = f"s3://{BUCKET}/out/{bench.result('cleanup', run_id, 'Train')['TrainingJobName']}/output/model.tar.gz"
    result = bench.result("cleanup", run_id, "Tidy")
    assert sorted(result["Deleted"]) == sorted([model, f"s3://{BUCKET}/Prep/out/report.json"])
    assert (result["Missing"], result["CleanedSteps"]) == ([], ["Train", "Prep"])
    listed = bench.endpoint.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert {one["Key"] for one in listed} == {*OTHERS, "Prep/out/report.json2"}
    assert airflow.task("cleanup", run_id, "Tidy")["try_number"] == 2
