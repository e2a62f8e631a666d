from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import processing_request

EVALUATION = {"regression_metrics": {"mse": {"value": 4.25}}}


def test_outputs_are_written_once_on_completion(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    outputs = {"report": {"evaluation.json": EVALUATION, "deep/note.txt": {"text": "hello"}}, "other": {"x": 1}}
    endpoint.load_scenario({"jobs": [{"kind": "processing", "duration": 60, "outputs": outputs}]})
    sagemaker.create_processing_job(**processing_request("job", output="report"))
    s3 = endpoint.client("s3", attempts=1)
    with pytest.raises(ClientError, match="NoSuch"):
        s3.get_object(Bucket="local-data", Key="job/report/evaluation.json")
    endpoint.advance(60)
    found = s3.get_object(Bucket="local-data", Key="job/report/evaluation.json")["Body"].read()
    assert json.loads(found) == EVALUATION
    assert s3.get_object(Bucket="local-data", Key="job/report/deep/note.txt")["Body"].read() == b"hello"
    assert s3.list_objects_v2(Bucket="local-data")["KeyCount"] == 2
    s3.delete_object(Bucket="local-data", Key="job/report/evaluation.json")
    sagemaker.describe_processing_job(ProcessingJobName="job")
    assert s3.list_objects_v2(Bucket="local-data")["KeyCount"] == 1


def test_describe_of_a_completed_job(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 0, "exit_message": "all is well"}]})
    request = processing_request("job", output="report", Environment={"PASSWORD": "x"})
    arn = sagemaker.create_processing_job(**request, Tags=[{"Key": "a", "Value": "b"}])["ProcessingJobArn"]
    found = sagemaker.describe_processing_job(ProcessingJobName="job")
    assert {key: found[key] for key in request} == request
    assert found["ProcessingJobArn"] == arn == "arn:aws:sagemaker:us-east-1:123456789012:processing-job/job"
    assert found["ProcessingJobStatus"] == "Completed"
    assert found["ExitMessage"] == "all is well"
    assert found["CreationTime"] == found["ProcessingStartTime"] == found["ProcessingEndTime"]
    assert not found.keys() & {"FailureReason", "Tags"}


def test_failed_job_writes_nothing(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {"duration": 0, "outcome": "Failed", "outputs": {"report": {"a.json": 1}}}
    endpoint.load_scenario({"jobs": [rule]})
    sagemaker.create_processing_job(**processing_request("job", output="report"))
    found = sagemaker.describe_processing_job(ProcessingJobName="job")
    assert found["ProcessingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith("AlgorithmError")
    assert endpoint.client("s3").list_buckets()["Buckets"] == []


def test_stop_prevents_outputs(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {"duration": 60, "stopping": 30, "outputs": {"report": {"a.json": 1}}}
    endpoint.load_scenario({"jobs": [rule]})
    sagemaker.create_processing_job(**processing_request("job", output="report"))
    sagemaker.stop_processing_job(ProcessingJobName="job")
    assert sagemaker.describe_processing_job(ProcessingJobName="job")["ProcessingJobStatus"] == "Stopping"
    endpoint.advance(60)
    found = sagemaker.describe_processing_job(ProcessingJobName="job")
    assert found["ProcessingJobStatus"] == "Stopped"
    assert endpoint.client("s3").list_buckets()["Buckets"] == []
    with pytest.raises(ClientError, match="because the processing job is in status Stopped"):
        sagemaker.stop_processing_job(ProcessingJobName="job")


def test_nothing_happens_at_the_end_a_stopped_job_would_have_had(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 60, "stopping": 100}]})
    sagemaker.create_processing_job(**processing_request("job"))
    sagemaker.stop_processing_job(ProcessingJobName="job")
    logs = endpoint.client("logs")
    endpoint.advance(70)
    assert sagemaker.describe_processing_job(ProcessingJobName="job")["ProcessingJobStatus"] == "Stopping"
    assert logs.describe_log_groups()["logGroups"] == []
    endpoint.advance(30)
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/aws/sagemaker/ProcessingJobs"


def test_past_its_time_limit_it_is_stopped(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 1000}]})
    request = processing_request("job", StoppingCondition={"MaxRuntimeInSeconds": 60})
    sagemaker.create_processing_job(**request)
    endpoint.advance(60)
    assert endpoint.jobs()[0].status == "Stopped"


def test_name_in_use_and_missing(sagemaker: Any) -> None:
    sagemaker.create_processing_job(**processing_request("job"))
    with pytest.raises(ClientError) as caught:
        sagemaker.create_processing_job(**processing_request("job"))
    assert caught.value.response["Error"] == {
        "Code": "ResourceInUse",
        "Message": "Job name must be unique within an AWS account and region, and a job with this name already "
        "exists (arn:aws:sagemaker:us-east-1:123456789012:processing-job/job)",
    }
    with pytest.raises(ClientError) as caught:
        sagemaker.describe_processing_job(ProcessingJobName="nobody")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Could not find requested job with name: nobody",
    }


def test_list(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 0, "exit_message": "bye"}]})
    sagemaker.create_processing_job(**processing_request("job"))
    (found,) = sagemaker.list_processing_jobs()["ProcessingJobSummaries"]
    assert (found["ProcessingJobName"], found["ProcessingJobStatus"]) == ("job", "Completed")
    assert found["ExitMessage"] == "bye"
    assert "ProcessingStartTime" not in found
