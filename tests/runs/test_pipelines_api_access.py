"""The whole way of a call: the client, HTTP as it is sent, the API server's mount, keys, permissions and audit log."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from airflow.api_fastapi.app import create_auth_manager
from airflow.models.log import Log
from airflow.utils.session import create_session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from sqlalchemy import func, select

from airflow_sm_pipelines.api import door
from airflow_sm_pipelines.client import pipelines_client
from airflow_sm_pipelines.plugin import API_PREFIX, pipelines_api
from tests.runs.harness import ROLE, pipeline, training
from tests.runs.test_access_keys import Command, made
from tests.runs.test_access_keys import command as command
from tests.runs.test_access_keys import deployment as deployment

REGION = "eu-west-1"
OPTION = "AIRFLOW__SAGEMAKER_PIPELINES__"
PATH = f"{API_PREFIX}/v1/"
BODY = json.dumps({"PipelineName": "signed", "ClientRequestToken": "t" * 32}).encode()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the API's pipelines."""
    for name, value in {"REGION": REGION, "STORE": str(tmp_path), "WAIT": "0"}.items():
        monkeypatch.setenv(f"{OPTION}PIPELINES_API_{name}", value)
    monkeypatch.setenv(f"{OPTION}API_REFUSALS_PER_MINUTE", "1000")
    return tmp_path


@pytest.fixture
def server(deployment: None, store: Path) -> Iterator[str]:
    """A server with the API where the API server mounts it."""
    import uvicorn
    from fastapi import FastAPI

    door.app.cache_clear()
    create_auth_manager()
    app = FastAPI()
    app.mount(API_PREFIX, pipelines_api)
    running = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
    thread = threading.Thread(target=running.run, daemon=True)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    running.should_exit = True
    thread.join()
    door.app.cache_clear()


def client_of(server: str, key: tuple[str, str]) -> Any:
    session = boto3.Session("user", "user", region_name=REGION)
    return pipelines_client(f"http://{server}{PATH}", *key, boto_session=session)


def create(client: Any, name: str) -> Any:
    definition = json.dumps(pipeline(training("Train")))
    return client.create_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=ROLE)


def denied(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    return str(refused.value)


def test_a_key_does_what_it_and_its_user_may_and_the_audit_log_says_so(server: str, command: Command) -> None:
    writer = client_of(server, key := made(command, "--actions", "read,write", pipelines="signed*"))
    assert create(writer, "signed")["PipelineArn"].endswith(":pipeline/signed")
    reader = client_of(server, other := made(command, user="vera"))
    assert [each["PipelineName"] for each in reader.list_pipelines()["PipelineSummaries"]] == ["signed"]
    assert reader.describe_pipeline(PipelineName="signed")["CreatedBy"] == {"UserProfileName": "ann"}
    assert f"The access key {other[0]} of the user vera is not authorized" in denied(
        reader.delete_pipeline, PipelineName="signed"
    )
    denied(writer.start_pipeline_execution, PipelineName="signed")
    denied(writer.describe_pipeline, PipelineName="yours")
    # The key of a viewer may say more than they may.
    bold = client_of(server, made(command, "--actions", "read,start,write", user="vera"))
    denied(bold.delete_pipeline, PipelineName="signed")
    denied(bold.start_pipeline_execution, PipelineName="signed")
    with create_session() as session:
        entries = session.execute(
            select(Log.event, Log.dag_id, Log.owner).where(
                Log.extra.contains(key[0]), Log.event.startswith("sagemaker.")
            )
        ).all()
    assert ("sagemaker.CreatePipeline", "signed", "ann") in [tuple(entry) for entry in entries]
    command("revoke", key[0])
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        writer.list_pipelines()


def signed(server: str, key: tuple[str, str], **changed: str) -> dict[str, str]:
    """The headers of a good DeletePipeline, but for what is changed after it was signed."""
    headers = {"Host": server, "X-Amz-Target": "SageMaker.DeletePipeline", "Content-Type": "application/x-amz-json-1.1"}
    request = AWSRequest("POST", f"http://{server}{PATH}", headers, BODY)
    SigV4Auth(Credentials(*key), "sagemaker", REGION).add_auth(request)
    return {**dict(request.headers.items()), **{name.replace("_", "-"): value for name, value in changed.items()}}


def send(server: str, method: str, target: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    """Send it as it is, with whatever stands in the headers."""
    connection = http.client.HTTPConnection(server, timeout=30)
    try:
        connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1", "replace"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        response.read()
        return response.status, response.headers.get("x-amzn-ErrorType", "")
    finally:
        connection.close()


def test_nothing_is_done_for_a_request_that_is_signed_wrongly_in_any_way(
    server: str, command: Command, store: Path
) -> None:
    key = made(command, "--actions", "read,write")
    create(client_of(server, key), "signed")
    before = {path: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()}
    good = signed(server, key)
    authorization = good["Authorization"]
    # Each part of the header is changed, left out, doubled, or of another kind.
    wrong = [
        *("", "Bearer x", "Basic YTpi", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=a", "AWS4-HMAC-SHA256 =,=,="),
        *(authorization[:cut] for cut in range(0, len(authorization), 17)),
        *(
            authorization.replace(part, other)
            for part in authorization.split("/")[1:]
            for other in ("", "x", "é", "%00")
        ),
        *(
            authorization.replace(name, "x")
            for name in ("Credential=", "SignedHeaders=", "Signature=", "host", "x-amz-date")
        ),
        authorization + authorization[-1:],
        f"{authorization}, {authorization}",
        authorization.replace("Signature=", "Signature=0"),
        authorization.replace("SHA256", "SHA1"),
        authorization.replace(key[0], "AFSM" + "Z" * 16),
        authorization.replace(key[0], "' OR 1=1 --"),
        authorization.replace(key[0], "x" * 4000),
    ]
    attempts = [("POST", PATH, {**good, "Authorization": value}, BODY) for value in dict.fromkeys(wrong)]
    attempts += [
        ("POST", PATH, {name: value for name, value in good.items() if name != "Authorization"}, BODY),
        ("POST", PATH, signed(server, (key[0], "wrong")), BODY),
        ("POST", PATH, signed(server, key, X_Amz_Target="SageMaker.CreatePipeline"), BODY),
        ("POST", PATH, signed(server, key, Host="other.example"), BODY),
        ("POST", PATH, signed(server, key, X_Amz_Date="20200101T000000Z"), BODY),
        ("POST", PATH, signed(server, key, X_Amz_Security_Token="token"), BODY),
        ("POST", PATH, signed(server, key, X_Amz_Content_SHA256="UNSIGNED-PAYLOAD"), BODY),
        ("POST", PATH, good, BODY.replace(b"signed", b"Signed")),
        ("POST", PATH.rstrip("/"), good, BODY),
        ("POST", f"{PATH}?a=1", good, BODY),
        ("POST", f"{PATH}?X-Amz-Signature=0&X-Amz-Algorithm=AWS4-HMAC-SHA256", good, BODY),
    ]
    answers = [send(server, *attempt) for attempt in attempts]
    assert [(attempt[1:3], answer) for attempt, answer in zip(attempts, answers, strict=True) if answer[0] != 400] == []
    kinds = {"MissingAuthenticationTokenException", "IncompleteSignatureException", "InvalidSignatureException"}
    assert {code for _, code in answers} - kinds == {"UnrecognizedClientException"}
    assert {path: path.read_bytes() for path in sorted(store.rglob("*")) if path.is_file()} == before
    with create_session() as session:
        deletions = select(func.count()).select_from(Log).where(Log.event == "sagemaker.DeletePipeline")
        assert session.scalar(deletions.where(Log.extra.contains(key[0]))) == 0
    # The same request, as it was signed, is taken.
    assert send(server, "POST", PATH, good, BODY)[0] == 200
