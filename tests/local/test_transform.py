from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import model_request, transform_request


def test_life(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    rule = {"kind": "transform", "duration": 60, "outputs": {"any": {"batch.csv.out": {"text": "1,2"}}}}
    endpoint.load_scenario({"jobs": [rule]})
    sagemaker.create_model(**model_request("model"))
    request = transform_request("job", "model", Environment={"A": "b"})
    sagemaker.create_transform_job(**request)
    running = sagemaker.describe_transform_job(TransformJobName="job")
    assert running["TransformJobStatus"] == "InProgress"
    assert "TransformEndTime" not in running
    endpoint.advance(60)
    found = sagemaker.describe_transform_job(TransformJobName="job")
    assert found["TransformJobStatus"] == "Completed"
    assert {key: found[key] for key in request} == request
    assert found["TransformStartTime"] < found["TransformEndTime"]
    assert "FailureReason" not in found
    body = endpoint.client("s3").get_object(Bucket="local-data", Key="job/batch.csv.out")["Body"].read()
    assert body == b"1,2"
    (listed,) = sagemaker.list_transform_jobs()["TransformJobSummaries"]
    assert listed["TransformJobStatus"] == "Completed"


def test_missing_model(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as caught:
        sagemaker.create_transform_job(**transform_request("job", "nobody"))
    assert caught.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/nobody".',
    }


def test_stop_name_in_use_and_missing(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    endpoint.load_scenario({"jobs": [{"duration": 1000, "stopping": 0}]})
    sagemaker.create_model(**model_request("model"))
    sagemaker.create_transform_job(**transform_request("job", "model"))
    with pytest.raises(ClientError, match="ResourceInUse"):
        sagemaker.create_transform_job(**transform_request("job", "model"))
    sagemaker.stop_transform_job(TransformJobName="job")
    assert sagemaker.describe_transform_job(TransformJobName="job")["TransformJobStatus"] == "Stopped"
    with pytest.raises(ClientError, match="in status Stopped"):
        sagemaker.stop_transform_job(TransformJobName="job")
    with pytest.raises(ClientError, match="ValidationException"):
        sagemaker.stop_transform_job(TransformJobName="nobody")
