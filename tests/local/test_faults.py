from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.paused_calls import Side
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.samples import training_request
from tests.local.waiting import wait_until_paused


def test_error_so_many_times_for_one_name(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    error = {"code": "ThrottlingException", "message": "Rate exceeded", "status": 429}
    endpoint.add_fault("sagemaker", "DescribeTrainingJob", name="bad-*", times=2, skip=1, error=error)
    for name in ("bad-1", "good-1"):
        sagemaker.create_training_job(**training_request(name))
    sagemaker.describe_training_job(TrainingJobName="bad-1")
    for _ in range(2):
        sagemaker.describe_training_job(TrainingJobName="good-1")
        with pytest.raises(ClientError) as caught:
            sagemaker.describe_training_job(TrainingJobName="bad-1")
        assert caught.value.response["Error"] == {"Code": "ThrottlingException", "Message": "Rate exceeded"}
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    sagemaker.describe_training_job(TrainingJobName="bad-1")


def test_botocore_retries_a_throttled_call(endpoint: LocalEndpoint) -> None:
    endpoint.add_fault(action="ListModels", times=1, error="ThrottlingException")
    endpoint.client("sagemaker", attempts=2).list_models()
    logged = endpoint.requests("sagemaker", "ListModels")
    assert [(entry.status, entry.error_code) for entry in logged] == [(400, "ThrottlingException"), (200, None)]


@pytest.mark.parametrize(
    ("service", "call", "parameters"),
    [
        ("s3", "get_object", {"Bucket": "bucket", "Key": "key"}),
        ("sts", "get_caller_identity", {}),
        ("lambda", "invoke", {"FunctionName": "f"}),
        ("cloudwatch", "list_metrics", {}),
        ("sqs", "list_queues", {}),
        ("emr", "describe_step", {"ClusterId": "j-1", "StepId": "s-1"}),
        ("emr-serverless", "get_job_run", {"applicationId": "a1", "jobRunId": "r1"}),
        ("logs", "describe_log_streams", {"logGroupName": "g"}),
        ("iam", "get_role", {"RoleName": "r"}),
    ],
)
def test_error_in_the_protocol_of_each_service(
    endpoint: LocalEndpoint, service: str, call: str, parameters: dict[str, str]
) -> None:
    error = {"code": "AccessDeniedException", "message": "not <you>", "status": 403}
    endpoint.add_fault(service, times=1, error=error)
    with pytest.raises(ClientError) as caught:
        getattr(endpoint.client(service, attempts=1), call)(**parameters)
    response = caught.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == ("AccessDeniedException", "not <you>")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 403
    action = "".join(part.capitalize() for part in call.split("_"))
    (logged,) = endpoint.requests(service)
    assert (logged.action, logged.error_code) == (action, "AccessDeniedException")
    if service != "cloudwatch":
        assert parameters.items() <= logged.parameters.items()


def test_drop_before_the_call_takes_effect(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.add_fault("sagemaker", "CreateTrainingJob", drop="before")
    with pytest.raises(ConnectionClosedError):
        sagemaker.create_training_job(**training_request("job"))
    assert endpoint.jobs() == ()
    (logged,) = endpoint.requests()
    assert (logged.status, logged.error_code) == (0, "ConnectionDropped")
    assert logged.parameters["TrainingJobName"] == "job"
    sagemaker.create_training_job(**training_request("job"))


def test_drop_after_the_call_took_effect(endpoint: LocalEndpoint) -> None:
    endpoint.add_fault("sagemaker", "CreateTrainingJob", drop="after")
    with pytest.raises(ClientError, match="ResourceInUse"):
        endpoint.client("sagemaker", attempts=2).create_training_job(**training_request("job"))
    assert [job.name for job in endpoint.jobs()] == ["job"]
    assert [entry.error_code for entry in endpoint.requests()] == ["ConnectionDropped", "ResourceInUse"]


def test_drop_of_an_s3_put(endpoint: LocalEndpoint) -> None:
    s3 = endpoint.client("s3", attempts=1)
    s3.create_bucket(Bucket="bucket")
    endpoint.add_fault("s3", "PutObject", name="a*", drop="after")
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket="bucket", Key="a", Body=b"1")
    assert s3.get_object(Bucket="bucket", Key="a")["Body"].read() == b"1"


def test_delay(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.add_fault(action="ListModels", delay=0.1)
    start = time.monotonic()
    sagemaker.list_models()
    assert time.monotonic() - start >= 0.1


@pytest.mark.parametrize(("side", "jobs_while_paused"), [("before", 0), ("after", 1)])
def test_a_paused_call_waits_until_it_is_resumed(endpoint: LocalEndpoint, side: Side, jobs_while_paused: int) -> None:
    endpoint.add_fault("sagemaker", "CreateTrainingJob", name="paused-*", pause=side)
    client = EndpointClient(endpoint.url)
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(
            endpoint.client("sagemaker", attempts=1).create_training_job, **training_request("paused-1")
        )
        (call,) = wait_until_paused(client)
        assert (call.service, call.action, call.side) == ("sagemaker", "CreateTrainingJob", side)
        assert call.parameters["TrainingJobName"] == "paused-1"
        assert len(endpoint.jobs()) == jobs_while_paused
        client.resume("Describe*")
        assert len(client.paused()) == 1
        assert not creation.done()
        client.resume("Create*")
        assert creation.result(timeout=60)["TrainingJobArn"].endswith("paused-1")
    assert endpoint.paused() == ()
    assert len(endpoint.jobs()) == 1


def test_a_paused_call_can_be_lost(endpoint: LocalEndpoint) -> None:
    endpoint.add_fault("sagemaker", "CreateTrainingJob", pause="before", drop="before")
    sagemaker = endpoint.client("sagemaker", attempts=1)
    with ThreadPoolExecutor() as pool:
        creation = pool.submit(sagemaker.create_training_job, **training_request("job"))
        wait_until_paused(endpoint)
        endpoint.resume()
        with pytest.raises(ConnectionClosedError):
            creation.result(timeout=60)
    assert endpoint.jobs() == ()


def test_a_reset_lets_paused_calls_go_on(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.add_fault(action="ListModels", pause="before")
    with ThreadPoolExecutor() as pool:
        listing = pool.submit(sagemaker.list_models)
        wait_until_paused(endpoint)
        endpoint.reset()
        assert listing.result(timeout=60)["Models"] == []


@pytest.mark.parametrize("fault", [{"error": "Oops"}, {"drop": "before"}])
def test_what_takes_no_effect_cannot_be_paused_after_it(endpoint: LocalEndpoint, fault: dict[str, Any]) -> None:
    with pytest.raises(ScenarioError, match="can be paused only before"):
        endpoint.add_fault(pause="after", **fault)


def test_faults_of_a_scenario_and_reset(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"faults": [{"action": "ListModels", "times": 5, "error": {"code": "Oops"}}]})
    with pytest.raises(ClientError, match="Oops"):
        sagemaker.list_models()
    endpoint.reset()
    sagemaker.list_models()


def test_a_fault_that_does_nothing_is_refused(endpoint: LocalEndpoint) -> None:
    with pytest.raises(ScenarioError, match="does nothing"):
        endpoint.add_fault("sagemaker")
