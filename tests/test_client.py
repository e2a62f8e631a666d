"""The client: operations on pipelines reach Airflow's door, signed for it, and all others AWS, with the user's keys."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3
import botocore.waiter
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_sm_pipelines.api.authentication import AccessKey, SignatureAuthenticator
from airflow_sm_pipelines.api.caller import Caller, SignedRequest
from airflow_sm_pipelines.client import PipelinesClientError, is_of_pipelines, pipelines_client, pipelines_session
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.wire.errors import ApiError

KEY_ID, SECRET, REGION = "AFSMABCDEFGHIJKLMNOP", "secret-of-airflow", "us-east-1"
ARN = f"arn:aws:sagemaker:{REGION}:123456789012"


class Keys:
    def find(self, access_key_id: str) -> AccessKey | None:
        caller = Caller(KEY_ID, "ann", ("*",), frozenset({"read"}))
        return AccessKey(SECRET, None, caller) if access_key_id == KEY_ID else None


class Door(ThreadingHTTPServer):
    """Takes signed calls as the API server does; it keeps the operations that were asked for, and answers by name."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.authenticator = SignatureAuthenticator(Keys(), REGION, nobodys_secret="nobody")
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answers: dict[str, list[dict[str, Any]]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/sagemaker"


class Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        path, _, query = self.path.partition("?")
        try:
            self.server.authenticator.authenticate(SignedRequest("POST", path, query, headers, body))
        except ApiError as error:
            self.answer(error.status, {"__type": error.code, "message": error.message})
            return
        operation = headers["x-amz-target"].removeprefix("SageMaker.")
        self.server.calls.append((operation, path, json.loads(body)))
        answers = self.server.answers.get(operation, [{}])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.answer(400 if "__type" in answer else 200, answer)

    def answer(self, status: int, content: dict[str, Any]) -> None:
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *told: Any) -> None:
        """Nothing: the test looks at what was asked for."""


@pytest.fixture
def door() -> Iterator[Door]:
    server = Door()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def session(local_endpoint: LocalEndpoint) -> boto3.Session:
    """The user's session of AWS."""
    return boto3.Session(aws_access_key_id="user", aws_secret_access_key="user", region_name=REGION)


@pytest.fixture
def client(door: Door, session: boto3.Session) -> Any:
    return pipelines_client(door.url, KEY_ID, SECRET, boto_session=session)


def asked(door: Door) -> list[str]:
    return [operation for operation, _, _ in door.calls]


def test_pipelines_go_to_airflow_and_all_else_to_aws(client: Any, door: Door, local_endpoint: LocalEndpoint) -> None:
    door.answers["DescribePipeline"] = [{"PipelineName": "abalone", "CreationTime": 1e9}]
    described = client.describe_pipeline(PipelineName="abalone")
    assert described["PipelineName"] == "abalone"
    assert described["CreationTime"].year == 2001
    assert client.list_training_jobs()["TrainingJobSummaries"] == []
    assert door.calls == [("DescribePipeline", "/sagemaker/", {"PipelineName": "abalone"})]
    assert [request.action for request in local_endpoint.requests("sagemaker")] == ["ListTrainingJobs"]


def test_tags_go_where_their_arn_belongs(client: Any, door: Door, local_endpoint: LocalEndpoint) -> None:
    door.answers["ListTags"] = [{"Tags": [{"Key": "a", "Value": "b"}], "NextToken": "t"}, {"Tags": []}]
    tags = client.get_paginator("list_tags").paginate(ResourceArn=f"{ARN}:pipeline/abalone").build_full_result()
    assert tags["Tags"] == [{"Key": "a", "Value": "b"}]
    assert asked(door) == ["ListTags", "ListTags"]
    group = client.create_model_package_group(ModelPackageGroupName="g", Tags=[{"Key": "c", "Value": "d"}])
    assert client.list_tags(ResourceArn=group["ModelPackageGroupArn"])["Tags"] == [{"Key": "c", "Value": "d"}]
    assert local_endpoint.requests("sagemaker", "ListTags")[0].parameters == {
        "ResourceArn": group["ModelPackageGroupArn"]
    }
    assert len(door.calls) == 2


def test_paginators_waiters_and_exceptions_are_botocores(client: Any, door: Door) -> None:
    summary = {"PipelineExecutionArn": f"{ARN}:pipeline/abalone/execution/abcdefghijkl"}
    door.answers["ListPipelineExecutions"] = [
        {"PipelineExecutionSummaries": [summary] * 2, "NextToken": "more"},
        {"PipelineExecutionSummaries": [summary]},
    ]
    pages = client.get_paginator("list_pipeline_executions").paginate(PipelineName="abalone")
    assert len(list(pages.search("PipelineExecutionSummaries[]"))) == 3
    assert door.calls[1][2] == {"PipelineName": "abalone", "NextToken": "more"}

    door.answers["DescribePipelineExecution"] = [
        {"PipelineExecutionStatus": "Executing"},
        {"PipelineExecutionStatus": "Succeeded"},
    ]
    # As the SDK waits for an execution.
    acceptor = {"matcher": "path", "argument": "PipelineExecutionStatus", "expected": "Succeeded", "state": "success"}
    waiter = {"operation": "DescribePipelineExecution", "delay": 0, "maxAttempts": 5, "acceptors": [acceptor]}
    model = botocore.waiter.WaiterModel({"version": 2, "waiters": {"Done": waiter}})
    botocore.waiter.create_waiter_with_client("Done", model, client).wait(**summary)
    assert asked(door).count("DescribePipelineExecution") == 2

    door.answers["StopPipelineExecution"] = [{"__type": "ResourceNotFound", "message": "no such execution"}]
    with pytest.raises(client.exceptions.ResourceNotFound, match="no such execution"):
        client.stop_pipeline_execution(**summary, ClientRequestToken="t" * 32)
    assert client.meta.region_name == REGION
    assert client.can_paginate("list_pipelines")


def test_a_retry_is_signed_for_airflow_again(door: Door, session: boto3.Session) -> None:
    config = Config(retries={"mode": "standard", "total_max_attempts": 2})
    client = pipelines_client(door.url, KEY_ID, SECRET, boto_session=session, config=config)
    door.answers["ListPipelines"] = [{"__type": "ThrottlingException", "message": "Rate exceeded"}, {}]
    client.list_pipelines()
    assert asked(door) == ["ListPipelines"] * 2


def test_airflow_alone_needs_no_credentials_of_aws(door: Door, local_endpoint: LocalEndpoint) -> None:
    """And those with a session token, which Airflow would refuse, are not sent to it."""
    temporary = boto3.Session("user", "user", "session-token", REGION)
    pipelines_client(door.url, KEY_ID, SECRET, boto_session=temporary).list_pipelines()
    program = f"""
import os
for name in [name for name in os.environ if name.startswith("AWS")]:
    del os.environ[name]
os.environ.update(AWS_EC2_METADATA_DISABLED="true", AWS_SHARED_CREDENTIALS_FILE="/nothing", AWS_CONFIG_FILE="/nothing")
import sys
sys.modules["airflow"] = None
from airflow_sm_pipelines.client import pipelines_client
client = pipelines_client({door.url!r}, {KEY_ID!r}, {SECRET!r}, region_name={REGION!r})
client.list_pipelines()
"""
    subprocess.run([sys.executable, "-c", program], check=True)
    assert asked(door) == ["ListPipelines"] * 2


def test_a_wrong_key_or_region_is_the_error_of_aws(door: Door, session: boto3.Session) -> None:
    for arguments in ({"secret_access_key": "other"}, {"access_key_id": "AFSMZZZZZZZZZZZZZZZZ"}):
        given = {"access_key_id": KEY_ID, "secret_access_key": SECRET, **arguments}
        with pytest.raises(ClientError) as refused:
            pipelines_client(door.url, boto_session=session, **given).list_pipelines()
        assert refused.value.response["Error"]["Code"] == "InvalidSignatureException"
    with pytest.raises(ClientError, match="scoped to a valid region, not 'eu-west-1'"):
        pipelines_client(door.url, KEY_ID, SECRET, region_name="eu-west-1", boto_session=session).list_pipelines()
    # AWS may be elsewhere.
    pipelines_client(
        door.url, KEY_ID, SECRET, region_name="eu-west-1", pipelines_region=REGION, boto_session=session
    ).list_pipelines()
    assert asked(door) == ["ListPipelines"]


def test_each_operation_of_the_model_has_its_place(client: Any) -> None:
    names = client.meta.service_model.operation_names
    ours = {name for name in names if is_of_pipelines(name, {})}
    assert {"CreatePipeline", "SendPipelineExecutionStepSuccess", "ListPipelineParametersForExecution"} <= ours
    assert {name for name in ours if "Pipeline" not in name} == set()
    for resource, is_ours in (
        (f"{ARN}:pipeline/a", True),
        (f"{ARN}:pipeline/a/execution/b", True),
        (f"{ARN}:experiment/pipeline/a", False),
        ("pipeline/a", False),
    ):
        assert is_of_pipelines("AddTags", {"ResourceArn": resource}) is is_ours


CREDENTIALS = f"[airflow]\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"


def test_where_it_is_found(door: Door, session: boto3.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_PIPELINES_URL", door.url)
    monkeypatch.setenv("AIRFLOW_PIPELINES_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AIRFLOW_PIPELINES_SECRET_ACCESS_KEY", SECRET)
    pipelines_client(boto_session=session).list_pipelines()
    for name in ("URL", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AIRFLOW_PIPELINES_{name}")
    (tmp_path / "config").write_text(f"[profile airflow]\nendpoint_url = {door.url}\nregion = {REGION}\n")
    (tmp_path / "credentials").write_text(CREDENTIALS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    pipelines_client(profile="airflow", region_name="eu-west-1", boto_session=session).list_pipelines()
    monkeypatch.setenv("AIRFLOW_PIPELINES_PROFILE", "airflow")
    pipelines_client(boto_session=session).list_pipelines()
    assert asked(door) == ["ListPipelines"] * 3


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        ({}, {}, "no URL of Airflow: give url, set AIRFLOW_PIPELINES_URL"),
        ({"url": "airflow.example.com"}, {}, "is no URL such as https://"),
        ({"url": "https://a"}, {}, "no access key of Airflow"),
        ({"url": "https://a", "access_key_id": "x"}, {}, "give both"),
        ({"url": "https://a"}, {"AIRFLOW_PIPELINES_ACCESS_KEY_ID": "x"}, "only one is set"),
        ({"profile": "nothing"}, {}, "nothing.*it is looked for in AWS's files"),
    ],
)
def test_what_is_missing_is_told(
    arguments: dict[str, str], environment: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(PipelinesClientError, match=told):
        pipelines_client(region_name=REGION, **arguments)


def test_a_session_needs_the_sdk(door: Door, session: boto3.Session) -> None:
    with pytest.raises(PipelinesClientError, match="the SageMaker SDK is not installed: pip install sagemaker"):
        pipelines_session(door.url, KEY_ID, SECRET, boto_session=session)
    made = pipelines_session(
        door.url,
        KEY_ID,
        SECRET,
        boto_session=session,
        session_class=lambda **given: given,
        session_arguments={"default_bucket": "bucket"},
    )
    assert (made["default_bucket"], made["boto_session"]) == ("bucket", session)
    made["sagemaker_client"].list_pipelines()
    assert asked(door) == ["ListPipelines"]
