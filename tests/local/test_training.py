from __future__ import annotations

import gzip
import io
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request

CONTENT_KEYS = ("AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "StoppingCondition", "RoleArn")


def test_completes_through_all_secondary_statuses(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    request = training_request("job", Environment={"A": "{{ b }}"}, HyperParameters={"x": "1"})
    arn = sagemaker.create_training_job(**request)["TrainingJobArn"]
    assert arn == "arn:aws:sagemaker:us-east-1:123456789012:training-job/job"
    endpoint.advance(100)
    # By the name in an ARN, which AWS writes in lower case.
    assert sagemaker.describe_training_job(TrainingJobName="JOB")["TrainingJobArn"] == arn
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert found["TrainingJobStatus"] == found["SecondaryStatus"] == "Completed"
    assert {key: found[key] for key in CONTENT_KEYS} == {key: request[key] for key in CONTENT_KEYS}
    assert found["Environment"] == {"A": "{{ b }}"}
    assert found["HyperParameters"] == {"x": "1"}
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == "s3://local-models/trained/job/output/model.tar.gz"
    transitions = found["SecondaryStatusTransitions"]
    assert [entry["Status"] for entry in transitions] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    assert all(entry["EndTime"] >= entry["StartTime"] for entry in transitions)
    assert found["CreationTime"] <= found["TrainingStartTime"] < found["TrainingEndTime"]
    assert found["TrainingEndTime"] == found["LastModifiedTime"]
    assert found["BillableTimeInSeconds"] == 100
    assert "FailureReason" not in found
    assert found["EnableManagedSpotTraining"] is False


def test_in_progress_has_no_results_and_transitions_grow(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("job"))
    first = sagemaker.describe_training_job(TrainingJobName="job")
    assert (first["TrainingJobStatus"], first["SecondaryStatus"]) == ("InProgress", "Starting")
    assert not first.keys() & {"ModelArtifacts", "TrainingEndTime", "BillableTimeInSeconds", "FailureReason"}
    endpoint.advance(50)
    later = sagemaker.describe_training_job(TrainingJobName="job")
    assert later["SecondaryStatus"] == "Training"
    assert len(later["SecondaryStatusTransitions"]) > len(first["SecondaryStatusTransitions"])
    assert "EndTime" not in later["SecondaryStatusTransitions"][-1]


def test_queued_job_has_not_started(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"queued": 1000}]})
    sagemaker.create_training_job(**training_request("job"))
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert found["SecondaryStatus"] == "Starting"
    assert "TrainingStartTime" not in found


def test_model_archive_is_written_without_any_describe(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("job"))
    endpoint.advance(100)
    s3 = endpoint.client("s3")
    body = s3.get_object(Bucket="local-models", Key="trained/job/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(body))) as archive:
        assert archive.getnames() == ["model.json"]


def test_failed_with_reason(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {"name": "*-Train-*", "outcome": "Failed", "failure_reason": "CapacityError: none left"}
    endpoint.load_scenario({"jobs": [rule], "defaults": {"duration": 0}})
    sagemaker.create_training_job(**training_request("a-Train-b"))
    sagemaker.create_training_job(**training_request("other"))
    record = endpoint.wait("a-Train-b")
    assert record.failure_reason == "CapacityError: none left"
    found = sagemaker.describe_training_job(TrainingJobName="a-Train-b")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    assert found["FailureReason"] == "CapacityError: none left"
    assert "ModelArtifacts" not in found
    assert endpoint.wait("other").status == "Completed"
    keys = endpoint.client("s3").list_objects_v2(Bucket="local-models")["Contents"]
    assert [entry["Key"] for entry in keys] == ["trained/other/output/model.tar.gz"]


def test_rules_are_used_up_in_order(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rules = [{"times": 2, "outcome": "Failed"}, {"outcome": "Stopped"}]
    endpoint.load_scenario({"jobs": rules, "defaults": {"duration": 0}})
    for name in "abc":
        sagemaker.create_training_job(**training_request(name))
    assert [job.status for job in endpoint.jobs("training")] == ["Failed", "Failed", "Stopped"]


def test_stop(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 1000, "stopping": 7, "outcome": "Failed"}]})
    sagemaker.create_training_job(**training_request("job"))
    sagemaker.stop_training_job(TrainingJobName="job")
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopping", "Stopping")
    sagemaker.stop_training_job(TrainingJobName="job")
    endpoint.advance(7)
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert [entry["Status"] for entry in found["SecondaryStatusTransitions"]][-2:] == ["Stopping", "Stopped"]
    assert "TrainingEndTime" in found
    assert "FailureReason" not in found


def test_stop_of_an_ended_job(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("job"))
    endpoint.advance(100)
    with pytest.raises(ClientError) as caught:
        sagemaker.stop_training_job(TrainingJobName="job")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The request was rejected because the training job is in status Completed.",
    }


def test_max_runtime(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 1000}]})
    sagemaker.create_training_job(**training_request("job", StoppingCondition={"MaxRuntimeInSeconds": 60}))
    endpoint.advance(60)
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert (found["TrainingEndTime"] - found["TrainingStartTime"]).total_seconds() == pytest.approx(60)


def test_metrics_and_describe_of_a_rule(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {
        "duration": 0,
        "metrics": {"validation:rmse": 1.5},
        "describe": {"ResourceConfig": {"VolumeSizeInGB": 7}, "ProfilingStatus": "Disabled"},
    }
    endpoint.load_scenario({"jobs": [rule]})
    sagemaker.create_training_job(**training_request("job"))
    found = sagemaker.describe_training_job(TrainingJobName="job")
    assert [(m["MetricName"], m["Value"]) for m in found["FinalMetricDataList"]] == [("validation:rmse", 1.5)]
    assert found["ResourceConfig"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 7,
    }
    assert found["ProfilingStatus"] == "Disabled"


@pytest.mark.parametrize("call", ["describe_training_job", "stop_training_job"])
def test_missing(sagemaker: Any, call: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(sagemaker, call)(TrainingJobName="nobody")
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "Requested resource not found.",
    }


def test_name_in_use(sagemaker: Any) -> None:
    arn = sagemaker.create_training_job(**training_request("job"))["TrainingJobArn"]
    with pytest.raises(ClientError) as caught:
        sagemaker.create_training_job(**training_request("job"))
    error = caught.value.response["Error"]
    assert error["Code"] == "ResourceInUse"
    assert error["Message"].endswith(f"a training job with this name already exists ({arn})")


def test_names_are_per_region(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_training_job(**training_request("job"))
    other = endpoint.client("sagemaker", region="eu-west-1")
    arn = other.create_training_job(**training_request("job"))["TrainingJobArn"]
    assert arn == "arn:aws:sagemaker:eu-west-1:123456789012:training-job/job"
    assert len(other.list_training_jobs()["TrainingJobSummaries"]) == 1


def test_list_filters_sorts_and_pages(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"name": "b*", "duration": 1000}], "defaults": {"duration": 0}})
    for name in ("b-1", "a-1", "c-1", "b-2"):
        sagemaker.create_training_job(**training_request(name))
        endpoint.advance(10)

    def names(**asked: Any) -> list[str]:
        pages = sagemaker.get_paginator("list_training_jobs").paginate(**asked, PaginationConfig={"PageSize": 3})
        return [entry["TrainingJobName"] for page in pages for entry in page["TrainingJobSummaries"]]

    assert names() == ["b-1", "a-1", "c-1", "b-2"]
    assert names(SortOrder="Descending") == ["b-2", "c-1", "a-1", "b-1"]
    assert names(SortBy="Name") == ["a-1", "b-1", "b-2", "c-1"]
    assert names(NameContains="B-") == ["b-1", "b-2"]
    assert names(StatusEquals="Completed", SortBy="Name") == ["a-1", "c-1"]
    assert names(CreationTimeAfter=endpoint.jobs()[2].created - 5) == ["c-1", "b-2"]
    first = sagemaker.list_training_jobs(MaxResults=1)["TrainingJobSummaries"][0]
    assert first.keys() == {
        *("TrainingJobName", "TrainingJobArn", "CreationTime", "LastModifiedTime", "TrainingJobStatus"),
        "SecondaryStatus",
    }


def test_wrong_page_token(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.list_training_jobs(NextToken="?")


def test_log_lines(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 0, "logs": ["epoch 1", "epoch 2"]}]})
    sagemaker.create_training_job(**training_request("job"))
    logs = endpoint.client("logs")
    group = "/aws/sagemaker/TrainingJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="job/")["logStreams"]
    assert [entry["logStreamName"].rpartition("-")[0] for entry in streams] == ["job/algo-1"]
    events = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])["events"]
    assert [event["message"] for event in events] == ["epoch 1", "epoch 2", "Training job job completed"]


def test_log_lines_come_while_the_job_runs_from_each_host(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 100, "logs": ["epoch 1", "epoch 2"]}]})
    request = training_request("job")
    request["ResourceConfig"]["InstanceCount"] = 2
    sagemaker.create_training_job(**request)
    logs = endpoint.client("logs")

    def lines() -> list[list[str]]:
        group = {"logGroupName": "/aws/sagemaker/TrainingJobs"}
        streams = logs.describe_log_streams(**group)["logStreams"]
        pages = [logs.get_log_events(**group, logStreamName=stream["logStreamName"]) for stream in streams]
        return [[event["message"] for event in page["events"]] for page in pages]

    endpoint.advance(60)
    assert lines() == [["epoch 1"]] * 2
    endpoint.advance(60)
    assert lines() == [["epoch 1", "epoch 2", "Training job job completed"]] * 2
