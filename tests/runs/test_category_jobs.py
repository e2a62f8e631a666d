"""Job steps: the request, properties within the document, the failure, the kill, a botocore without the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.runs.harness import ROLE, Airflow, get, pipeline, training
from tests.runs.time_limits import time_over

DOCUMENT = json.dumps({"InputDataConfig": [], "OutputDataConfig": {"S3OutputPath": "s3://b/out"}})


def job(name: str, **members: Any) -> dict[str, Any]:
    arguments = {
        "JobCategory": "AgentRFTEvaluation",
        "JobConfigSchemaVersion": "1.0.0",
        "JobConfigDocument": DOCUMENT,
        "RoleArn": ROLE,
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    return {"Name": name, "Type": "Job", "Arguments": arguments, **members}


@pytest.mark.parametrize("deferrable", [True, False])
def test_properties_go_into_the_document(airflow: Airflow, deferrable: bool) -> None:
    told = {**json.loads(DOCUMENT), "ServiceOutput": {"MlflowDetails": {"RunId": "run-1", "Steps": [1, 2]}}}
    airflow.endpoint.reset(
        {"jobs": [{"kind": "job", "duration": 0.5, "describe": {"JobConfigDocument": json.dumps(told)}}]}
    )
    references = {
        "run": get("Steps.Evaluate.JobConfigDocument.ServiceOutput.MlflowDetails.RunId"),
        "whole": get("Steps.Evaluate.JobConfigDocument"),
        "status": get("Steps.Evaluate.SecondaryStatus"),
        "name": get("Steps.Evaluate.JobName"),
    }
    steps = pipeline(job("Evaluate"), training("After", Arguments={"Environment": references}))
    run = airflow.run(steps, deferrable=deferrable)
    assert run.state == "success"
    [request] = airflow.created("CreateJob")
    assert request.pop("JobName").startswith("pipelines-")
    assert request == job("Evaluate")["Arguments"]
    environment = airflow.created("CreateTrainingJob")[0]["Environment"]
    assert environment == {
        "run": "run-1",
        "whole": json.dumps(told),
        "status": "Completed",
        "name": run.xcom("Evaluate")["JobName"],
    }


@pytest.mark.parametrize("path", ["ServiceOutput.RunId", "InputDataConfig[0]"])
def test_what_the_document_lacks_fails_the_step_that_asks_for_it(airflow: Airflow, path: str) -> None:
    references = {"run": get(f"Steps.Evaluate.JobConfigDocument.{path}")}
    run = airflow.run(pipeline(job("Evaluate"), training("After", Arguments={"Environment": references})))
    assert run.states == {"Evaluate": "success", "After": "failed"}


def test_a_failed_job_fails_the_step(airflow: Airflow) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "job", "outcome": "Failed", "failure_reason": "ClientError: no"}]})
    assert airflow.run(pipeline(job("Evaluate"))).states == {"Evaluate": "failed"}
    assert len(airflow.endpoint.jobs("job")) == 1


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_killed_job_is_stopped(airflow: Airflow, deferrable: bool) -> None:
    airflow.endpoint.reset({"jobs": [{"kind": "job", "duration": 600}]})
    with time_over(airflow, deferrable=deferrable, look="DescribeJob") as limit:
        run = airflow.run(pipeline(job("Evaluate")), deferrable=deferrable, default_args=limit)
    assert run.states == {"Evaluate": "failed"}
    [stop] = airflow.endpoint.requests("sagemaker", "StopJob")
    assert stop.parameters["JobCategory"] == "AgentRFTEvaluation"


def test_a_botocore_without_jobs_is_told_of(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.model import ServiceModel

    monkeypatch.setattr(ServiceModel, "operation_names", ["CreateTrainingJob"])
    assert airflow.run(pipeline(job("Evaluate"))).states == {"Evaluate": "failed"}
    assert airflow.endpoint.requests("sagemaker") == ()
