"""The API of pipelines on Airflow's real components, driven by boto3 with an access key of its own."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import sqlalchemy

from airflow_sm_pipelines.client import pipelines_client
from airflow_sm_pipelines.local.endpoint import REGION, LocalEndpoint
from tests.runs.harness import condition, equals, get, pipeline, training
from tests.runs.test_callback import callback
from tests.runs.workers import make_queue, take
from tests.system.conftest import SharedAirflow
from tests.system.deployment import Deployment
from tests.system.processes import shown_on_failure, wait_until

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

ROLE = "arn:aws:iam::123456789012:role/Pipelines"
ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")
TOKEN = "t" * 32
JOB_SECONDS = 600
CACHED = {"Enabled": True, "ExpireAfter": "P1D"}
SNAILS = pipeline(
    training("Train", CacheConfig=CACHED),
    condition(
        "Check",
        [equals(get("Parameters.Pass"), "yes")],
        [training("Deploy")],
        [training("Repair")],
        DependsOn=["Train"],
    ),
    Parameters=[{"Name": "Pass", "Type": "String", "DefaultValue": "yes"}],
)


@dataclass(frozen=True)
class Bench:
    """A deployment, the endpoint that its jobs run on, and a client of the API."""

    deployment: Deployment
    endpoint: LocalEndpoint
    sagemaker: Any

    def upsert(self, name: str, definition: Mapping[str, Any]) -> None:
        """What the SDK's upsert does."""
        text = json.dumps(definition)
        try:
            self.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)
        except self.sagemaker.exceptions.ClientError as error:
            if "already exists" not in str(error):
                raise
            self.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=text, RoleArn=ROLE)

    def start(self, name: str, **request: Any) -> str:
        return str(self.sagemaker.start_pipeline_execution(PipelineName=name, **request)["PipelineExecutionArn"])

    def status(self, arn: str) -> str:
        return str(self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])

    def wait(self, arn: str, *statuses: str) -> str:
        """The status of an execution once it is one of these."""

        def reached() -> str | None:
            found = self.status(arn)
            return found if found in (statuses or ENDED) else None

        return self.deployment.processes.wait_until(reached, f"the end of {arn}", timeout=300)

    def steps(self, arn: str) -> dict[str, dict[str, Any]]:
        found = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
        return {step["StepName"]: step for step in found}


@pytest.fixture(scope="module")
def deployed_bench(shared_airflow: SharedAirflow) -> Bench:
    deployment = shared_airflow.deployment
    key_id, secret = deployment.access_key()
    client = pipelines_client(
        f"{deployment.site.url}/sagemaker-api/v1",
        key_id,
        secret,
        region_name=REGION,
        boto_session=boto3.Session("none", "none"),
    )
    return Bench(deployment, shared_airflow.endpoint, client)


@pytest.fixture
def bench(deployed_bench: Bench, request: pytest.FixtureRequest) -> Iterator[Bench]:
    deployed_bench.endpoint.reset()
    with shown_on_failure(deployed_bench.deployment.processes, request):
        yield deployed_bench


def test_a_pipeline_is_upserted_started_waited_for_and_told_of(bench: Bench) -> None:
    sagemaker = bench.sagemaker
    bench.upsert("Snails", pipeline(training("Other")))
    bench.upsert("Snails", SNAILS)
    assert sagemaker.describe_pipeline(PipelineName="Snails")["CreatedBy"] == {"UserProfileName": "admin"}
    first = bench.start("Snails", PipelineParameters=[{"Name": "Pass", "Value": "no"}])
    assert bench.wait(first) == "Succeeded"
    steps = bench.steps(first)
    assert {name: step["StepStatus"] for name, step in steps.items()} == dict.fromkeys(
        ("Train", "Check", "Repair"), "Succeeded"
    )
    assert steps["Check"]["Metadata"] == {"Condition": {"Outcome": "False"}}
    arn = steps["Train"]["Metadata"]["TrainingJob"]["Arn"]
    described = bench.endpoint.client("sagemaker").describe_training_job(TrainingJobName=arn.rpartition("/")[2])
    assert described["TrainingJobArn"] == arn
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=first)
    assert (found["PipelineVersionId"], found["CreatedBy"]) == (2, {"UserProfileName": "admin"})
    shown = sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=first)["PipelineParameters"]
    assert shown == [{"Name": "Pass", "Value": "no"}]

    # The same call eight times at once is one run, and its training is taken from the cache.
    def start(_: int) -> str:
        return bench.start("Snails", ClientRequestToken=TOKEN, PipelineExecutionDisplayName="again")

    with ThreadPoolExecutor(8) as pool:
        (second,) = set(pool.map(start, range(8)))
    assert bench.wait(second) == "Succeeded"
    steps = bench.steps(second)
    assert steps.keys() == {"Train", "Check", "Deploy"}
    assert steps["Train"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}

    # One step alone, on the results of the first run.
    selected = {"SourcePipelineExecutionArn": first, "SelectedSteps": [{"StepName": "Repair"}]}
    third = bench.start("Snails", SelectiveExecutionConfig=selected)
    assert bench.wait(third) == "Succeeded"
    assert sagemaker.describe_pipeline_execution(PipelineExecutionArn=third)["SelectiveExecutionConfig"] == selected
    assert bench.steps(third)["Repair"]["StepStatus"] == "Succeeded"
    assert len(bench.endpoint.jobs("training")) == 4

    # More than one page of them.
    add_runs(bench.deployment, "Snails", 250)
    pages = sagemaker.get_paginator("list_pipeline_executions").paginate(PipelineName="Snails")
    found = [each["PipelineExecutionArn"] for page in pages for each in page["PipelineExecutionSummaries"]]
    assert (len(found), len(set(found)), found[-1]) == (253, 253, first)


def add_runs(deployment: Deployment, dag_id: str, count: int) -> None:
    """Copies of the Dag's last run, in the database."""
    engine = sqlalchemy.create_engine(deployment.site.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"])
    columns = [column["name"] for column in sqlalchemy.inspect(engine).get_columns("dag_run")]
    kept = [name for name in columns if name not in ("id", "run_id")]
    listed = ", ".join(f'"{name}"' for name in kept)
    copied = sqlalchemy.text(
        f"INSERT INTO dag_run (run_id, {listed}) SELECT 'manual__' || number, {listed} FROM dag_run,"  # own names
        " generate_series(1, :count) AS number WHERE id = (SELECT max(id) FROM dag_run WHERE dag_id = :dag_id)"
    )
    with engine.begin() as connection:
        connection.execute(copied, {"count": count, "dag_id": dag_id})
    engine.dispose()


def test_a_failure_says_why_and_is_retried(bench: Bench) -> None:
    failure = {"name": "*Train*", "outcome": "Failed", "failure_reason": "AlgorithmError: no snails"}
    bench.endpoint.reset({"jobs": [failure]})
    bench.upsert("Failing", pipeline(training("Train"), training("After", DependsOn=["Train"])))
    arn = bench.start("Failing")
    assert bench.wait(arn) == "Failed"
    assert "no snails" in bench.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["FailureReason"]
    (step,) = bench.steps(arn).values()
    assert (step["StepName"], "AlgorithmError: no snails" in step["FailureReason"]) == ("Train", True)
    bench.endpoint.reset()
    for _ in range(2):
        bench.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken=TOKEN)
    assert bench.wait(arn, "Succeeded") == "Succeeded"
    assert len(bench.endpoint.jobs("training")) == 2


def test_a_stop_stops_the_job(bench: Bench) -> None:
    bench.endpoint.reset({"defaults": {"duration": JOB_SECONDS}})
    bench.upsert("Long", pipeline(training("Train"), training("After", DependsOn=["Train"])))
    arn = bench.start("Long", ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    processes, airflow = bench.deployment.processes, bench.deployment.airflow
    (run,) = airflow.call("GET", "/dags/Long/dagRuns")["dag_runs"]
    # The shared deployment has nobody who looks for jobs that are left running.
    processes.wait_until(
        lambda: airflow.task_states("Long", run["dag_run_id"])["Train"] == "deferred", "the task defers", timeout=300
    )
    bench.deployment.wait_for_next_look(bench.endpoint)
    assert bench.steps(arn)["Train"]["StepStatus"] == "Executing"
    processes.wait_until(bench.deployment.knows_deferrals, "the scheduler knows of the deferral", timeout=300)
    bench.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert bench.status(arn) in ("Stopping", "Stopped")
    wait_until(
        lambda: bench.endpoint.requests("sagemaker", "StopTrainingJob") or None, "the job is stopped", timeout=300
    )
    bench.endpoint.advance(JOB_SECONDS)
    assert bench.wait(arn, "Stopped") == "Stopped"
    assert {name: step["StepStatus"] for name, step in bench.steps(arn).items()} == {"Train": "Stopped"}


def test_a_callback_is_answered_by_who_may_start(bench: Bench) -> None:
    queue = make_queue(bench.endpoint, "api-work")
    bench.upsert("Asking", pipeline(callback("Ask", queue, {"n": "Integer"})))
    arn = bench.start("Asking")
    (message,) = bench.deployment.processes.wait_until(
        lambda: take(bench.endpoint, queue) or None, "the message is there", timeout=300
    )
    outputs = [{"Name": "n", "Value": "3"}]
    answered = bench.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=message["token"], OutputParameters=outputs
    )
    assert answered["PipelineExecutionArn"].rpartition("/")[2] == arn.rpartition("/")[2]
    assert bench.wait(arn) == "Succeeded"
    assert bench.steps(arn)["Ask"]["Metadata"] == {"Callback": {"SqsQueueUrl": queue, "OutputParameters": outputs}}
