"""Run conditions on Airflow's real components: what runs upon a failure, a kill and a stop; a clear of what failed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.runs.harness import condition, equals, get, pipeline, training
from tests.runs.test_for_each import ITEMS, loop
from tests.runs.test_run_conditions import failing, notify, upon
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

CASE = Path(__file__).parent.parent / "cases" / "40-run-on-failure-dependency.json"
OUTCOME = "pipeline.run.outcome"
DAG_FILE = """
from airflow_sm_pipelines import SageMakerPipelineDag

case = SageMakerPipelineDag("case.json", dag_id="case")
loop = SageMakerPipelineDag("loop.json", dag_id="loop", handled_failures="succeed")
branches = SageMakerPipelineDag("branches.json", dag_id="branches", parallelism=2)
"""
STATUS = get("Steps.Train.TrainingJobStatus")
BRANCHES = pipeline(
    training("Train"),
    notify("OnFailure", upon("Train", "Failed"), status=STATUS, job=get("Steps.Train.TrainingJobName")),
    notify("OnStop", upon("Train", "Stopped"), status=STATUS),
    notify("Use", job=get("Steps.Train.TrainingJobName")),
    condition(
        "C",
        [equals(1, 1)],
        [notify("IfFailed", upon("Train", "Failed")), notify("IfAny", upon("Train", "Any"), "C")],
        [notify("ElseFailed", upon("Train", "Failed")), notify("ElseAny", upon("Train", "Any"))],
    ),
)
LOOP = pipeline(
    loop(
        [
            training("Train"),
            notify(
                "Recover",
                upon("Train", "Failed"),
                item=get("ForEach.CurrentItem"),
                reason=get("Steps.Train.FailureReason"),
            ),
            notify("Plain", "Train"),
        ]
    ),
    notify("OnStop", upon("Loop", "Stopped")),
    Parameters=ITEMS,
)
LONG = {"name": "*-Train-*", "duration": 600}


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dags call."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def load(self, *jobs: Any) -> None:
        """Let the jobs to come do this."""
        self.endpoint.reset({"jobs": list(jobs)})
        self.endpoint.put_function("notify", lambda event: None)

    def end(self, dag_id: str, run_id: str) -> tuple[str, dict[str, str | None]]:
        """The state in which a run ends, and the states of its tasks."""
        state = self.deployment.processes.wait_until(
            lambda: self.deployment.airflow.ended(dag_id, run_id), f"end of {run_id}", timeout=300, interval=0.2
        )
        return state, self.deployment.airflow.task_states(dag_id, run_id)

    def wait_for(self, run_id: str, task: str, state: str) -> None:
        """Wait for the state of a task of the Dag with branches."""
        self.deployment.processes.wait_until(
            lambda: self.deployment.airflow.task("branches", run_id, task)["state"] == state,
            f"{task} is {state}",
            timeout=300,
            interval=0.2,
        )

    def reasons_of_skips(self, dag_id: str, run_id: str, task: str) -> list[str]:
        """Why a task's latest try was skipped, as its log tells."""
        airflow = self.deployment.airflow
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task}"
        answer = airflow.call(
            "GET",
            f"{path}/logs/{airflow.task(dag_id, run_id, task)['try_number']}",
            params={"full_content": True},
            headers={"Accept": "application/json"},
        )
        return [line["reason"] for line in answer["content"] if line.get("event") == "Skipping task."]

    def told(self) -> dict[str, Any]:
        """What each function was given, by the name of its step."""
        payloads = [request.parameters["Payload"] for request in self.endpoint.requests("lambda", "Invoke")]
        assert len({payload.get("who") for payload in payloads}) == len(payloads)
        return {payload.pop("who", "NotifyOnFailure"): payload for payload in map(dict, payloads)}


@pytest.fixture(scope="module")
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    """The Airflow that all system tests share, with the Dags of this module."""
    dags = {"dags.py": DAG_FILE, "case.json": CASE.read_text(), "branches.json": json.dumps(BRANCHES)}
    dags["loop.json"] = json.dumps(LOOP)
    shared_airflow.deployment.add("run_conditions", dags, {"case", "branches", "loop"})
    return Bench(shared_airflow.deployment, shared_airflow.endpoint)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def test_the_handler_runs_when_the_step_has_failed_and_the_run_fails(bench: Bench) -> None:
    bench.load(failing("Train"))
    run_id = bench.deployment.airflow.trigger("case")
    assert bench.end("case", run_id) == (
        "failed",
        {"Train": "failed", "NotifyOnFailure": "success", OUTCOME: "failed"},
    )
    bench.deployment.wait_for_log(
        "case",
        run_id,
        OUTCOME,
        "The run completed with failures:",
        "- Train ended as Failed. NotifyOnFailure ran upon it. Step 'Train' failed: the training job",
    )
    assert bench.told() == {"NotifyOnFailure": {"what": "NotifyOnFailure"}}
    # The step that failed is cleared with all after it, and does better this time.
    bench.load()
    what = {"dry_run": False, "only_failed": False, "dag_run_id": run_id, "task_ids": ["Train"]}
    airflow = bench.deployment.airflow
    airflow.call("POST", "/dags/case/clearTaskInstances", json={**what, "include_downstream": True})
    assert bench.end("case", run_id) == (
        "success",
        {"Train": "success", "NotifyOnFailure": "skipped", OUTCOME: "success"},
    )
    assert bench.told() == {}
    (told,) = bench.deployment.processes.wait_until(
        lambda: bench.reasons_of_skips("case", run_id, "NotifyOnFailure") or None, "a line on the skip", timeout=300
    )
    assert told.startswith("The step's run conditions do not hold, and it is skipped: 'Train' ended as Succeeded, and")


def test_a_step_that_is_marked_as_failed_has_failed(bench: Bench) -> None:
    bench.load(LONG)
    airflow = bench.deployment.airflow
    run_id = airflow.trigger("branches")
    bench.wait_for(run_id, "Train", "deferred")
    bench.deployment.wait_for_next_look(bench.endpoint)
    airflow.set_task_state("branches", run_id, "Train", "failed")
    state, states = bench.end("branches", run_id)
    ran, skipped = ("OnFailure", "C", "IfFailed", "IfAny"), ("OnStop", "ElseFailed", "ElseAny")
    assert (state, states) == (
        "failed",
        {
            **dict.fromkeys(ran, "success"),
            **dict.fromkeys(skipped, "skipped"),
            "Train": "failed",
            "Use": "upstream_failed",
            OUTCOME: "failed",
        },
    )
    told = bench.told()
    (created,) = bench.endpoint.requests("sagemaker", "CreateTrainingJob")
    # The job is read as it is when the handler asks: the kill has reached it, or is about to.
    assert told.pop("OnFailure")["job"] == created.parameters["TrainingJobName"]
    assert told == {"IfFailed": {}, "IfAny": {}}
    assert airflow.task("branches", run_id, OUTCOME)["pool"] == "default_pool"
    assert airflow.task("branches", run_id, "OnFailure")["pool"] != "default_pool"


def test_a_job_that_was_stopped_in_aws_is_no_failure(bench: Bench) -> None:
    bench.load({"name": "*-Train-*", "outcome": "Stopped"})
    run_id = bench.deployment.airflow.trigger("branches")
    state, states = bench.end("branches", run_id)
    ran, skipped = ("OnStop", "C", "IfAny"), ("OnFailure", "IfFailed", "ElseFailed", "ElseAny")
    assert (state, states) == (
        "failed",
        {
            **dict.fromkeys(ran, "success"),
            **dict.fromkeys(skipped, "skipped"),
            "Train": "failed",
            "Use": "upstream_failed",
            OUTCOME: "failed",
        },
    )
    assert bench.told() == {"OnStop": {"status": "Stopped"}, "IfAny": {}}


def test_a_handler_in_the_body_of_a_for_each_step(bench: Bench) -> None:
    bench.load(failing("Train-1"))
    airflow = bench.deployment.airflow
    run_id = airflow.trigger("loop")
    state, _ = bench.end("loop", run_id)
    answer = airflow.call("GET", f"/dags/loop/dagRuns/{run_id}/taskInstances", params={"limit": 100})
    found: dict[str, list[str]] = {}
    for task in sorted(answer["task_instances"], key=lambda task: int(task["map_index"])):
        found.setdefault(task["task_id"], []).append(task["state"])
    assert found == {
        "Loop.ForEach.items": ["success"],
        "Loop.Train": ["success", "failed", "success"],
        "Loop.Recover": ["skipped", "success", "skipped"],
        "Loop.Plain": ["success", "upstream_failed", "success"],
        "Loop.ForEach.result": ["failed"],
        "OnStop": ["skipped"],
        OUTCOME: ["success"],
    }
    payloads = [request.parameters["Payload"] for request in bench.endpoint.requests("lambda", "Invoke")]
    assert sorted(payloads, key=str) == [
        {"who": "Plain"},
        {"who": "Plain"},
        {"who": "Recover", "item": "b", "reason": "AlgorithmError: out of patience"},
    ]
    # A child ran upon the only failure, and the Dag accepts that.
    assert state == "success"
