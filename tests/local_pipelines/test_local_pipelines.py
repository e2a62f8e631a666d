"""The local endpoint with pipelines that run: an SDK's calls, with the jobs that reach the endpoint."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local_pipelines.service import LocalPipelines
from tests.runs.harness import BUCKET, ROLE, get, pipeline, training

pytestmark = pytest.mark.airflow
FAST = {"settings": {"poll_interval": "0.1", "poll_interval_max": "0.5"}}
NAMED = [{"Name": "Folder", "Type": "String", "DefaultValue": "there"}]
TO_FOLDER = {
    "OutputDataConfig": {
        "S3OutputPath": {"Std:Join": {"On": "/", "Values": [f"s3://{BUCKET}", get("Parameters.Folder")]}}
    }
}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint whose pipelines run."""
    with LocalEndpoint(
        scenario={"defaults": {"duration": 0}},
        pipelines=lambda url, read_object: LocalPipelines(url, read_object, FAST),
    ) as started:
        yield started


@pytest.fixture
def sagemaker(endpoint: LocalEndpoint) -> Any:
    return boto3.client(
        "sagemaker",
        endpoint_url=endpoint.url,
        region_name="us-east-1",
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(read_timeout=120, retries={"total_max_attempts": 1}),
    )


def upsert(sagemaker: Any, name: str, definition: dict[str, Any]) -> None:
    sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE)


def status(sagemaker: Any, arn: str) -> str:
    return str(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"])


def wait(sagemaker: Any, arn: str, *expected: str) -> str:
    """Wait as the SDK's waiter does, until the status is one of these."""
    pause = threading.Event()
    for _ in range(1200):
        if (found := status(sagemaker, arn)) in expected:
            return found
        pause.wait(0.2)
    raise AssertionError(sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn))


def steps(sagemaker: Any, arn: str) -> dict[str, dict[str, Any]]:
    listed = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
    return {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}


ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")


def test_two_executions_run_at_once_tell_their_steps_and_one_is_stopped(
    endpoint: LocalEndpoint, sagemaker: Any
) -> None:
    upsert(sagemaker, "quick", pipeline(training("Train", Arguments=TO_FOLDER), Parameters=NAMED))
    upsert(sagemaker, "Slow", pipeline(training("Wait"), training("Never", DependsOn=["Wait"])))
    endpoint.load_scenario(
        {
            "defaults": {"duration": 0, "stopping": 0},
            "jobs": [{"kind": "training", "name": "*-Wait-*", "duration": 3600}],
        }
    )
    slow = sagemaker.start_pipeline_execution(PipelineName="slow", ClientRequestToken="s" * 32)
    quick = sagemaker.start_pipeline_execution(
        PipelineName="quick",
        PipelineExecutionDisplayName="first",
        PipelineParameters=[{"Name": "Folder", "Value": "here"}],
    )
    again = sagemaker.start_pipeline_execution(PipelineName="slow", ClientRequestToken="s" * 32)
    arn, quick_arn = slow["PipelineExecutionArn"], quick["PipelineExecutionArn"]
    assert again["PipelineExecutionArn"] == arn
    assert status(sagemaker, arn) == "Executing"

    assert wait(sagemaker, quick_arn, *ENDED) == "Succeeded"
    [done] = steps(sagemaker, quick_arn).values()
    [sent] = [
        call.parameters
        for call in endpoint.requests("sagemaker", "CreateTrainingJob")
        if "-Train-" in call.parameters["TrainingJobName"]
    ]
    assert sent["OutputDataConfig"] == {"S3OutputPath": f"s3://{BUCKET}/here"}
    # The execution is the one that the job's name tells.
    assert sent["TrainingJobName"].split("-")[1] == id_of(quick_arn)
    assert (done["StepName"], done["StepStatus"]) == ("Train", "Succeeded")
    assert done["Metadata"]["TrainingJob"]["Arn"].endswith(sent["TrainingJobName"].lower())
    described = sagemaker.describe_training_job(TrainingJobName=sent["TrainingJobName"])
    assert described["TrainingJobStatus"] == "Completed"
    [summary] = sagemaker.list_pipeline_executions(PipelineName="quick")["PipelineExecutionSummaries"]
    assert (summary["PipelineExecutionDisplayName"], summary["PipelineExecutionStatus"]) == ("first", "Succeeded")

    pause = threading.Event()
    while steps(sagemaker, arn).get("Wait", {}).get("StepStatus") != "Executing" or not waiting(endpoint):
        pause.wait(0.2)
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="t" * 32)
    assert wait(sagemaker, arn, *ENDED) == "Stopped"
    assert list(steps(sagemaker, arn)) == ["Wait"]
    assert [job.status for job in endpoint.jobs("training") if "-Wait-" in job.name] == ["Stopped"]
    # A second one changes nothing, and what has ended is not retried here, with the reason.
    sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="u" * 32)
    with pytest.raises(ClientError, match="does not retry executions: start one anew"):
        sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn, ClientRequestToken="r" * 32)


def waiting(endpoint: LocalEndpoint) -> bool:
    return any("-Wait-" in job.name for job in endpoint.jobs("training"))


CACHED = {"CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"}}


def test_a_failure_says_why_and_a_later_execution_takes_what_was_done(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    failed = {
        "kind": "training",
        "name": "*-Second-*",
        "outcome": "Failed",
        "failure_reason": "AlgorithmError: no rows",
        "times": 1,
    }
    endpoint.load_scenario({"defaults": {"duration": 0}, "jobs": [failed]})
    # As the SDK does with a large definition.
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="definitions")
    chain = (training("Zero"), training("First", DependsOn=["Zero"], **CACHED), training("Second", DependsOn=["First"]))
    text = json.dumps(pipeline(*chain))
    s3.put_object(Bucket="definitions", Key="a/b.json", Body=text.encode())
    location = {"Bucket": "definitions", "ObjectKey": "a/b.json"}
    sagemaker.create_pipeline(PipelineName="chain", PipelineDefinitionS3Location=location, RoleArn=ROLE)
    first = sagemaker.start_pipeline_execution(PipelineName="chain")["PipelineExecutionArn"]
    assert wait(sagemaker, first, *ENDED) == "Failed"
    told = sagemaker.describe_pipeline_execution(PipelineExecutionArn=first)
    assert "AlgorithmError: no rows" in told["FailureReason"]
    assert "AlgorithmError: no rows" in steps(sagemaker, first)["Second"]["FailureReason"]

    # Zero is taken from the source, First from the cache, and Second runs.
    selected = sagemaker.start_pipeline_execution(
        PipelineName="chain",
        SelectiveExecutionConfig={
            "SourcePipelineExecutionArn": first,
            "SelectedSteps": [{"StepName": "First"}, {"StepName": "Second"}],
        },
    )["PipelineExecutionArn"]
    assert wait(sagemaker, selected, *ENDED) == "Succeeded"
    taken = steps(sagemaker, selected)
    assert taken["Zero"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": first}
    assert taken["First"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    names = [call.parameters["TrainingJobName"] for call in endpoint.requests("sagemaker", "CreateTrainingJob")]
    assert [name.split("-")[2] for name in names if name.split("-")[1] in (id_of(first), id_of(selected))] == [
        "Zero",
        "First",
        "Second",
        "Second",
    ]
    assert len(sagemaker.list_pipeline_executions(PipelineName="chain")["PipelineExecutionSummaries"]) == 2


def id_of(arn: str) -> str:
    return arn.rpartition("/")[2]


def test_what_cannot_run_is_refused_as_aws_does(endpoint: LocalEndpoint, sagemaker: Any) -> None:
    with pytest.raises(ClientError, match="unknown step type 'Proccessing'") as refused:
        upsert(sagemaker, "odd", pipeline({"Name": "A", "Type": "Proccessing", "Arguments": {}}))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.start_pipeline_execution(PipelineName="nothing")
    upsert(sagemaker, "here", pipeline(training("Train")))
    sagemaker.add_tags(
        ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:pipeline/here", Tags=[{"Key": "a", "Value": "b"}]
    )
    tags = sagemaker.list_tags(ResourceArn="arn:aws:sagemaker:us-east-1:123456789012:pipeline/here")["Tags"]
    assert tags == [{"Key": "a", "Value": "b"}]
    with pytest.raises(ClientError, match="is no parameter of the pipeline"):
        sagemaker.start_pipeline_execution(PipelineName="here", PipelineParameters=[{"Name": "Folder", "Value": "x"}])
    assert [call.action for call in endpoint.requests("sagemaker", "ListTags")] == ["ListTags"]
    endpoint.reset()
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
