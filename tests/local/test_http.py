from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.reader import ScenarioError
from airflow_sm_pipelines.local.samples import model_request, processing_request, training_request, tuning_request


def raw(endpoint: LocalEndpoint, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, json.load(response)
    finally:
        connection.close()


def call(endpoint: LocalEndpoint, action: str, body: Any) -> tuple[int, Any]:
    scope = "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/sagemaker/aws4_request, Signature=0"
    headers = {"X-Amz-Target": f"SageMaker.{action}", "Authorization": scope}
    return raw(endpoint, "POST", "/", json.dumps(body), **headers)


def test_client_sees_what_the_endpoint_sees(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    client = EndpointClient(endpoint.url)
    sagemaker.create_training_job(**training_request("job", Environment={"KEY": "as sent"}))
    sagemaker.create_model(**model_request("model"))
    client.advance(99)
    assert client.jobs("training")[0].status == "InProgress"
    client.advance(1)
    assert client.wait("job").status == "Completed"
    assert client.requests() == endpoint.requests() != ()
    assert client.requests("sagemaker", "CreateModel") == endpoint.requests("sagemaker", "CreateModel")
    assert len(client.requests("sagemaker", "CreateModel")) == 1
    assert client.requests(service="s3") == ()
    assert client.requests(action="CreateTrainingJob")[0].parameters["Environment"] == {"KEY": "as sent"}
    assert client.jobs() == endpoint.jobs()
    assert [job.name for job in client.jobs("model")] == ["model"]
    assert client.health()["status"] == "ok"
    assert client.health()["time"] == pytest.approx(time.time() + 100, abs=60)


def test_client_steers_the_endpoint(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    client = EndpointClient(endpoint.url + "/")
    client.load_scenario({"jobs": [{"outcome": "Failed", "duration": 0}], "s3": {"bucket": {"k": 1}}})
    sagemaker.create_training_job(**training_request("job"))
    assert client.jobs()[0].status == "Failed"
    assert endpoint.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"1"
    client.add_fault("sagemaker", "ListModels", error={"code": "Oops", "status": 418})
    with pytest.raises(ClientError, match="Oops"):
        sagemaker.list_models()
    client.reset({"defaults": {"duration": 1000}})
    assert not client.requests()
    assert not client.jobs()
    assert endpoint.client("s3").list_buckets()["Buckets"] == []
    sagemaker.create_training_job(**training_request("job"))
    assert client.jobs()[0].status == "InProgress"
    client.reset()
    assert client.jobs() == ()


def test_client_errors(endpoint: LocalEndpoint) -> None:
    client = EndpointClient(endpoint.url)
    with pytest.raises(ScenarioError, match=r"\$\.jobs\[0\]\.duration: expected a number"):
        client.load_scenario({"jobs": [{"duration": "x"}]})
    with pytest.raises(ScenarioError, match=r"\$\.jobs"):
        client.reset({"jobs": 1})
    with pytest.raises(ScenarioError, match=r"\$\.seconds: must be at least 0"):
        client.advance(-1)
    with pytest.raises(ScenarioError, match="does nothing"):
        client.add_fault("s3")
    with pytest.raises(TimeoutError, match="nobody has not ended within 0 s: it is not there"):
        client.wait("nobody", timeout=0)
    with pytest.raises(ValueError, match="not a local endpoint's URL"):
        EndpointClient("localhost:5000")


def test_admin_api_over_plain_http(endpoint: LocalEndpoint) -> None:
    assert raw(endpoint, "GET", "/_local/nothing")[0] == 404
    assert raw(endpoint, "POST", "/_local/scenario", "{")[0] == 400
    assert raw(endpoint, "POST", "/_local/scenario", "[]")[0] == 400
    assert raw(endpoint, "POST", "/_local/faults", '[{"error": {"code": "A"}}, {"delay": 0.01}]') == (200, {})
    assert raw(endpoint, "POST", "/_local/reset") == (200, {})
    assert raw(endpoint, "GET", "/_local/requests") == (200, {"requests": []})


def test_bad_requests_that_botocore_would_not_send(endpoint: LocalEndpoint) -> None:
    status, body = call(endpoint, "CreateTrainingJob", training_request("bad name!", RoleArn="x"))
    assert (status, body["__type"]) == (400, "ValidationException")
    assert body["message"].startswith("3 validation errors detected: Value 'bad name!' at 'trainingJobName'")
    status, body = call(endpoint, "StopTrainingJob", {"TrainingJobName": 5})
    assert (status, body["__type"]) == (400, "SerializationException")
    status, body = call(endpoint, "MakeCoffee", {})
    assert (status, body["__type"]) == (400, "UnknownOperationException")
    assert [entry.error_code for entry in endpoint.requests("sagemaker")] == [
        "ValidationException",
        "SerializationException",
        "UnknownOperationException",
    ]
    assert endpoint.jobs() == ()


def test_unimplemented_action_is_answered_once_and_readably(endpoint: LocalEndpoint) -> None:
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
    with pytest.raises(ClientError) as caught:
        endpoint.client("sagemaker").stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="t" * 32)
    assert caught.value.response["Error"] == {
        "Code": "NotImplemented",
        "Message": "This local AWS endpoint does not implement sagemaker StopPipelineExecution: it runs the jobs of a"
        " pipeline's steps, and Airflow runs the pipeline. Serve it with: airflow sm-pipelines local; or put the"
        " definition where load_dags reads it",
    }
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert len(endpoint.requests()) == 1


def test_no_execution_of_a_pipeline_is_said_to_have_succeeded(endpoint: LocalEndpoint) -> None:
    sagemaker = endpoint.client("sagemaker")
    role = "arn:aws:iam::123456789012:role/SageMakerRole"
    sagemaker.create_pipeline(
        PipelineName="p", PipelineDefinition='{"Steps": []}', RoleArn=role, ClientRequestToken="t" * 32
    )
    arn = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/abcdefghijkl"
    calls: dict[str, Callable[[], Any]] = {
        "StartPipelineExecution": lambda: sagemaker.start_pipeline_execution(
            PipelineName="p", ClientRequestToken="t" * 32
        ),
        "RetryPipelineExecution": lambda: sagemaker.retry_pipeline_execution(
            PipelineExecutionArn=arn, ClientRequestToken="t" * 32
        ),
        "DescribePipelineExecution": lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        "ListPipelineExecutions": lambda: sagemaker.list_pipeline_executions(PipelineName="p"),
        "ListPipelineExecutionSteps": lambda: sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn),
        "ListPipelineParametersForExecution": lambda: sagemaker.list_pipeline_parameters_for_execution(
            PipelineExecutionArn=arn
        ),
        "DescribePipelineDefinitionForExecution": lambda: sagemaker.describe_pipeline_definition_for_execution(
            PipelineExecutionArn=arn
        ),
    }
    for name, ask in calls.items():
        with pytest.raises(ClientError, match=f"does not implement sagemaker {name}: it runs the jobs") as caught:
            ask()
        assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert [each.action for each in endpoint.requests("sagemaker")] == ["CreatePipeline", *calls]
    assert endpoint.jobs() == ()


def test_unimplemented_action_on_a_resource_of_its_own(sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="NotImplemented"):
        sagemaker.delete_hyper_parameter_tuning_job(HyperParameterTuningJobName="tune")


def test_what_it_does_not_have_is_motos(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="e")
    assert sagemaker.describe_experiment(ExperimentName="e")["ExperimentName"] == "e"
    assert endpoint.client("sts").get_caller_identity()["Account"] == "123456789012"
    queue = endpoint.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    endpoint.client("sqs").send_message(QueueUrl=queue, MessageBody="m")
    assert endpoint.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == "m"


@pytest.mark.parametrize("body", ["[" * 100_000, "[]", '"token"', '{"token": {}}'])
def test_a_message_may_be_any_text(endpoint: LocalEndpoint, body: str) -> None:
    queue = endpoint.client("sqs").create_queue(QueueName="any")["QueueUrl"]
    endpoint.client("sqs").send_message(QueueUrl=queue, MessageBody=body)
    assert endpoint.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]["Body"] == body


def test_s3(endpoint: LocalEndpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="deep/a b+\u00fc.json", Body=b"x" * 300_000, Metadata={"with_line": "1"})
    s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "deep/a b+\u00fc.json"})
    found = s3.get_object(Bucket="bucket", Key="deep/a b+\u00fc.json")
    assert len(found["Body"].read()) == 300_000
    assert found["Metadata"] == {"with_line": "1"}
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket", Prefix="deep/")["Contents"]] == [
        "deep/a b+\u00fc.json"
    ]
    upload = s3.create_multipart_upload(Bucket="bucket", Key="big")["UploadId"]
    s3.upload_part(Bucket="bucket", Key="big", UploadId=upload, PartNumber=1, Body=b"1")
    s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "copy"}]})
    assert s3.head_bucket(Bucket="bucket")["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket="bucket", Key="copy")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="bucket", Key="copy")
    logged = [(entry.action, entry.parameters.get("Key"), entry.status) for entry in endpoint.requests("s3")]
    assert logged == [
        ("CreateBucket", None, 200),
        ("PutObject", "deep/a b+\u00fc.json", 200),
        ("CopyObject", "copy", 200),
        ("GetObject", "deep/a b+\u00fc.json", 200),
        ("ListObjectsV2", None, 200),
        ("CreateMultipartUpload", "big", 200),
        ("UploadPart", "big", 200),
        ("DeleteObjects", None, 200),
        ("HeadBucket", None, 200),
        ("HeadObject", "copy", 404),
        ("GetObject", "copy", 404),
    ]
    assert {entry.parameters["Bucket"] for entry in endpoint.requests("s3")} == {"bucket"}
    assert endpoint.requests("s3", "GetObject")[1].error_code == "NoSuchKey"


def test_aiobotocore(endpoint: LocalEndpoint) -> None:
    import asyncio

    from aiobotocore.session import get_session

    async def run() -> tuple[str, bytes]:
        session = get_session()
        async with (
            session.create_client("sagemaker") as sagemaker,
            session.create_client("s3") as s3,
        ):
            await sagemaker.create_training_job(**training_request("job"))
            found = await sagemaker.describe_training_job(TrainingJobName="job")
            await s3.create_bucket(Bucket="bucket")
            await s3.put_object(Bucket="bucket", Key="k", Body=b"async")
            answer = await s3.get_object(Bucket="bucket", Key="k")
            async with answer["Body"] as body:
                return found["TrainingJobArn"], await body.read()

    arn, body = asyncio.run(run())
    assert arn.endswith("training-job/job")
    assert body == b"async"
    assert endpoint.requests("s3", "PutObject")[0].parameters["Key"] == "k"


def test_log_keeps_the_order_of_arrival_and_the_request(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    request = processing_request("job", Environment={"SECRET": "{{ x }}"})
    answer = sagemaker.create_processing_job(**request)
    with pytest.raises(ClientError):
        sagemaker.describe_processing_job(ProcessingJobName="other")
    first, second = endpoint.requests()
    assert (first.index, first.service, first.action, first.status, first.error_code) == (
        *(0, "sagemaker", "CreateProcessingJob", 200),
        None,
    )
    assert first.parameters == request
    assert answer["ResponseMetadata"]["RequestId"] == "00000000-0000-0000-0000-000000000000"
    assert (second.index, second.action, second.error_code) == (1, "DescribeProcessingJob", "ValidationException")
    assert second.time >= first.time


def test_time_scale_and_a_scenario_of_its_own() -> None:
    scenario = {"jobs": [{"duration": 3600}], "s3": {"bucket": {"key": {"text": "v"}}}}
    with LocalEndpoint(time_scale=36000, scenario=scenario) as endpoint:
        sagemaker = endpoint.client("sagemaker")
        sagemaker.create_processing_job(**processing_request("job"))
        endpoint.wait("job", timeout=60)
        found = sagemaker.describe_processing_job(ProcessingJobName="job")
        assert (found["ProcessingEndTime"] - found["ProcessingStartTime"]).total_seconds() == pytest.approx(3600)
        request = tuning_request("tune", jobs=4, parallel=1)
        request["HyperParameterTuningJobConfig"]["ResourceLimits"]["MaxRuntimeInSeconds"] = 5400
        sagemaker.create_hyper_parameter_tuning_job(**request)
        assert endpoint.wait("tune", timeout=60).status == "Stopped"
        assert [job.status for job in endpoint.jobs("training")] == ["Completed", "Stopped"]
        endpoint.reset()
        assert endpoint.client("s3").get_object(Bucket="bucket", Key="key")["Body"].read() == b"v"
        with pytest.raises(RuntimeError, match="runs already"):
            endpoint.start()
    with pytest.raises(RuntimeError, match="does not run"):
        endpoint.jobs()


def test_a_taken_port_is_an_error(endpoint: LocalEndpoint) -> None:
    other = LocalEndpoint(port=int(endpoint.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="in use"):
        other.start()
    other.stop()
