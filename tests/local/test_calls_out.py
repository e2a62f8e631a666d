"""The endpoint connects to nothing, whatever a request says."""

from __future__ import annotations

import http.client
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from airflow_sm_pipelines.local.calls_out import CallOutRefusedError, refused_here
from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from tests.waiting import PATIENCE_SECONDS, until


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server of this machine that nobody should come to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def subscribe(sns: Any, listener: socket.socket) -> str:
    """A topic that tells a URL of its messages, as AWS's does."""
    topic: str = sns.create_topic(Name="topic")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}/")
    return topic


def came(listener: socket.socket) -> bool:
    """Whether somebody has connected. Who has need not have been accepted yet."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_a_subscribed_url_is_not_called(
    endpoint: LocalEndpoint, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    sns = endpoint.client("sns", attempts=1)
    topic = subscribe(sns, listener)
    with pytest.raises(ClientError) as caught:
        sns.publish(TopicArn=topic, Message="m")
    where = f"127.0.0.1:{listener.getsockname()[1]}"
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["Error"]["Message"] == (
        f"sns Publish: the local AWS endpoint never calls out, here to {where}"
    )
    assert not came(listener)
    assert [message for message in caplog.messages if "never calls out" in message] == [
        f"refused a connection to '{where}': the local AWS endpoint never calls out"
    ]


def test_a_bucket_that_tells_of_a_jobs_output_calls_nobody(endpoint: LocalEndpoint, listener: socket.socket) -> None:
    """The endpoint writes a job's output by itself, which S3 tells a topic of."""
    sns, s3 = endpoint.client("sns"), endpoint.client("s3")
    topic = sns.create_topic(Name="topic")["TopicArn"]
    s3.create_bucket(Bucket="local-models")
    events = [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket="local-models", NotificationConfiguration={"TopicConfigurations": events}
    )
    assert subscribe(sns, listener) == topic
    endpoint.client("sagemaker").create_training_job(**training_request("job"))
    endpoint.advance(100)
    assert endpoint.jobs("training")[0].status == "Completed"
    assert s3.list_objects_v2(Bucket="local-models")["KeyCount"] == 1
    assert not came(listener)


def test_names_are_not_looked_up_nor_other_sockets_used(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as docker, socket.socket(type=socket.SOCK_DGRAM) as datagrams, refused_here():
        for attempt in (
            lambda: socket.getaddrinfo("localhost", 80),
            lambda: socket.gethostbyname("localhost"),
            lambda: docker.connect(str(tmp_path / "docker.sock")),
            lambda: datagrams.sendto(b"x", ("127.0.0.1", 9)),
            lambda: socket.create_connection(("127.0.0.1", 9)),
        ):
            with pytest.raises(CallOutRefusedError):
                attempt()


def test_only_the_endpoints_own_work_is_concerned(listener: socket.socket) -> None:
    """The test around it, or a Lambda function in Python, may connect."""
    with refused_here():
        other = threading.Thread(target=lambda: socket.create_connection(listener.getsockname()).close())
        other.start()
        other.join()
    socket.create_connection(listener.getsockname()).close()
    until(lambda: came(listener))
    until(lambda: came(listener))


@pytest.mark.parametrize(("method", "path"), [("GET", "recorder/start-recording"), ("POST", "reset"), ("GET", "")])
def test_motos_own_interface_is_closed(endpoint: LocalEndpoint, method: str, path: str) -> None:
    """It writes files and replays what it has recorded, to any URL."""
    connection = http.client.HTTPConnection(endpoint.url.removeprefix("http://"), timeout=60)
    connection.request(method, f"/moto-api/{path}")
    assert connection.getresponse().status == 404
    connection.close()


def test_a_process_serves_until_sigterm_and_connects_to_nothing(listener: socket.socket, tmp_path: Path) -> None:
    """There, also what moto does in threads of its own is refused."""
    scenario = tmp_path / "scenario.json"
    scenario.write_text('{"s3": {"bucket": {"key": 1}}}')
    command = [sys.executable, "-m", "airflow_sm_pipelines.local", "--port", "0", "--scenario", str(scenario)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            settings = dict(pair.split("=", 1) for pair in line.partition("use it with: ")[2].split())
            assert settings["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
            assert settings["AWS_ACCESS_KEY_ID"]
            assert EndpointClient(settings["AWS_ENDPOINT_URL"]).health()["time_scale"] == 1.0
            sns = boto3.client(
                "sns",
                endpoint_url=settings["AWS_ENDPOINT_URL"],
                region_name="us-east-1",
                aws_access_key_id="x",
                aws_secret_access_key="x",
                config=Config(retries={"total_max_attempts": 1}),
            )
            topic = subscribe(sns, listener)
            with pytest.raises(ClientError, match="never calls out"):
                sns.publish(TopicArn=topic, Message="m")
            sns.close()
        finally:
            process.send_signal(signal.SIGTERM)
            log = process.communicate(timeout=PATIENCE_SECONDS)[1]
    assert process.returncode == 0
    assert "refused a connection to" in log
    assert not came(listener)
