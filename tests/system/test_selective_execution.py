"""Runs on Airflow's real components that are no simple ones: a task that is cleared, selected steps, a backfill with
the dates of templates, and a pipeline in a Dag with other tasks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from airflow_sm_pipelines.expressions.identity import execution_id
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.place import Place
from airflow_sm_pipelines.pools import run_pool
from tests.runs.harness import get, pipeline, training
from tests.runs.test_lambda import ARN, function
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

DAG_ID = "selective"
DAG_FILE = f"""
from airflow_sm_pipelines import SageMakerPipelineDag

dag = SageMakerPipelineDag("chain.json", dag_id={DAG_ID!r})
edited = SageMakerPipelineDag("edited.json", dag_id="edited")
"""
DATED_FILE = """
from datetime import datetime

from airflow_sm_pipelines import SageMakerPipelineDag

given = {"schedule": "@daily", "start_date": datetime(2026, 1, 1), "catchup": False, "max_active_runs": 5}
dated = SageMakerPipelineDag("dated.json", dag_id="dated", parameters={"Day": "{{ ds }}"}, **given)
kept = SageMakerPipelineDag("dated.json", dag_id="kept", parameters={"Day": "{{ macros.uuid.uuid4() }}"}, **given)
"""
EMBEDDING_FILE = """
from uuid import uuid4

from airflow.sdk import DAG, task

from airflow_sm_pipelines import SageMakerPipelineTaskGroup

with DAG("embedding", schedule=None) as dag:

    @task
    def value():
        return str(uuid4())

    @task
    def after(day):
        return day

    group = SageMakerPipelineTaskGroup("dated.json", group_id="group", parameters={"Day": value()}, parallelism=1)
    group >> after(group.output("Daily")["HyperParameters"]["day"])
"""
DAYS = ["2026-02-01", "2026-02-02", "2026-02-03", "2026-02-04", "2026-02-05"]
EXECUTION = get("Execution.PipelineExecutionId")


def reading(name: str, step: str) -> Any:
    parameters = {"read": get(f"Steps.{step}.TrainingJobName"), "execution": EXECUTION}
    return training(name, Arguments={"HyperParameters": parameters})


CHAIN = pipeline(training("A"), reading("B", "A"), reading("C", "B"), training("Apart"))
BY_DAY = {"HyperParameters": {"day": get("Parameters.Day")}}
EDIT = function("Edit", FunctionArn=ARN.removesuffix("compute") + "edit")


def edited(value: str) -> Any:
    """A step that has the file edited, and one after it."""
    after = training("After", Arguments={"HyperParameters": {"value": value}}, DependsOn=["Edit"])
    return pipeline(EDIT, after)


DATED = pipeline(training("Daily", Arguments=BY_DAY), Parameters=[{"Name": "Day", "Type": "String"}])
C_FAILS = {"jobs": [{"kind": "training", "name": "*-C-*", "outcome": "Failed", "times": 1}]}


@dataclass(frozen=True)
class Bench:
    """The deployment and the endpoint that its Dag calls."""

    deployment: Deployment
    endpoint: LocalEndpoint

    def wait_for_end(self, run_id: str, dag_id: str = DAG_ID) -> str:
        """The state in which a run ends."""
        return self.deployment.processes.wait_until(
            lambda: self.deployment.airflow.ended(dag_id, run_id), f"end of {run_id}", timeout=300, interval=0.2
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
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    """The Airflow that all system tests share, with the Dag of this module."""
    dags = {"dags.py": DAG_FILE, "chain.json": json.dumps(CHAIN)}
    dags |= {"dated.py": DATED_FILE, "dated.json": json.dumps(DATED)}
    dags |= {"embedding.py": EMBEDDING_FILE, "edited.json": json.dumps(edited("old"))}
    shared_airflow.deployment.add("selective", dags, {DAG_ID, "dated", "kept", "embedding", "edited"})
    return Bench(shared_airflow.deployment, shared_airflow.endpoint)


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
    told = ("Missing: 'B', on the path A -> B -> C.", "this Dag has no run 'none'.")
    bench.deployment.wait_for_log(DAG_ID, run_id, "A", *told)


def test_a_backfill_of_five_days_runs_on_five_dates(bench: Bench) -> None:
    airflow = bench.deployment.airflow
    airflow.call("PATCH", "/dags/dated", json={"is_paused": False})
    days = {"from_date": f"{DAYS[0]}T00:00:00Z", "to_date": f"{DAYS[-1]}T00:00:00Z"}
    airflow.call("POST", "/backfills", json={"dag_id": "dated", "max_active_runs": 5, **days})

    def requested() -> list[str] | None:
        runs = airflow.call("GET", "/dags/dated/dagRuns", params={"run_type": "backfill"})["dag_runs"]
        states = [run["state"] for run in runs]
        return states if len(states) == len(DAYS) and {*states} <= {"success", "failed"} else None

    states = bench.deployment.processes.wait_until(requested, "the runs of the backfill", timeout=300)
    assert states == ["success"] * len(DAYS)
    # The Dag's own latest day may have run beside them.
    sent = sorted(request["HyperParameters"]["day"] for request in bench.created()["Daily"])
    assert [day for day in sent if day <= DAYS[-1]] == DAYS


def test_a_run_that_is_cleared_has_the_values_of_its_first_time(bench: Bench) -> None:
    airflow = bench.deployment.airflow
    run_id = airflow.trigger("kept")
    assert bench.wait_for_end(run_id, "kept") == "success"
    airflow.call("POST", f"/dags/kept/dagRuns/{run_id}/clear", json={"dry_run": False})
    assert bench.wait_for_end(run_id, "kept") == "success"
    ours = [call for call in bench.created()["Daily"] if len(call["HyperParameters"]["day"]) == 36]
    of_run = {call["HyperParameters"]["day"] for call in ours if _is_of(call, run_id)}
    assert len([call for call in ours if _is_of(call, run_id)]) == 2
    assert len(of_run) == 1


def _is_of(request: dict[str, Any], run_id: str) -> bool:
    return any(tag["Key"] == "airflow:run-id" and tag["Value"] == run_id for tag in request["Tags"])


def test_a_pipeline_in_a_dag_with_other_tasks(bench: Bench) -> None:
    airflow, dag_id = bench.deployment.airflow, "embedding"
    run_id = airflow.trigger(dag_id)
    assert bench.wait_for_end(run_id, dag_id) == "success"

    def days() -> list[str]:
        return [job["HyperParameters"]["day"] for job in bench.created()["Daily"]]

    def clear(task_id: str) -> None:
        what = {"dag_run_id": run_id, "task_ids": [task_id], "include_downstream": True}
        airflow.call(
            "POST", f"/dags/{dag_id}/clearTaskInstances", json={"dry_run": False, "only_failed": False, **what}
        )
        assert bench.wait_for_end(run_id, dag_id) == "success"

    [first] = days()
    place = Place(dag_id, "group")
    # In this run, in a Dag that is no pipeline of ours.
    assert airflow.task(dag_id, run_id, "group.Daily")["pool"] == run_pool(place, run_id)
    assert bench.created()["Daily"][0]["TrainingJobName"].split("-")[1] == execution_id(place, run_id)
    clear("group.Daily")
    # A step that is cleared has the values that it had; what gives them gives others.
    assert days() == [first, first]
    clear("value")
    assert days()[:2] == [first, first]
    assert days()[2] != first
    xcom = airflow.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/after/xcomEntries/return_value")
    assert xcom["value"] == days()[2]


def test_a_step_that_begins_after_an_edit_makes_the_new_request(bench: Bench) -> None:
    definition = bench.deployment.site.dags / "selective" / "edited.json"
    written = definition.with_suffix(".new")

    def edit(event: Any) -> None:
        written.write_text(json.dumps(edited("new")))
        written.rename(definition)

    bench.endpoint.put_function("edit", edit)
    run_id = bench.deployment.airflow.trigger("edited")
    assert bench.wait_for_end(run_id, "edited") == "success"
    assert [job["HyperParameters"] for job in bench.created()["After"]] == [{"value": "new"}]
