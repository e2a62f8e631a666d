"""Who may ask the local endpoint: Host, Origin, and addresses that other machines reach."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.config import Config

from airflow_sm_pipelines.local.access import Access, AccessError
from airflow_sm_pipelines.local.endpoint import LocalEndpoint

TARGET = {"X-Amz-Target": "SageMaker.ListModels", "Content-Type": "application/x-amz-json-1.1"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ask(endpoint: LocalEndpoint, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Send a request with exactly these headers besides what HTTP needs; ``_`` in a name stands for ``-``."""
    connection = http.client.HTTPConnection(urlsplit(endpoint.url).netloc, timeout=60)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.putheader("Content-Length", "2")
        connection.endheaders(b"{}")
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:5000",
        "localhost.evil.example",
        "localhost@evil.example",
        "a,localhost",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/_local/requests", "/bucket/key"])
def test_another_host_is_refused(
    endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture, host: str, path: str
) -> None:
    caplog.set_level(logging.WARNING)
    status, body = ask(endpoint, "POST", path, Host=host)
    assert status == 403
    assert b"--allowed-host" in body
    assert endpoint.requests() == ()
    [line] = caplog.messages
    assert line.startswith(f"POST {path} from 127.0.0.1: Refused: the Host header {host!r}")


@pytest.mark.parametrize(
    "host", ["127.0.0.1:5000", "localhost", "LOCALHOST:80", "localhost.", "bucket.localhost:5000", "[::1]:5000"]
)
def test_loopback_names_are_answered(endpoint: LocalEndpoint, host: str) -> None:
    assert ask(endpoint, "GET", "/_local/health", Host=host)[0] == 200


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Origin": "http://evil.example"}, "another origin, 'http://evil.example'"),
        ({"Origin": "null"}, "another origin, 'null'"),
        ({"Origin": "http://localhost:3000"}, "another origin"),
        ({"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "no-cors"}, "Sec-Fetch-Site: 'cross-site'"),
        ({"Sec_Fetch_Site": "same-site"}, "Sec-Fetch-Site"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/_local/reset"])
def test_another_web_page_is_refused(endpoint: LocalEndpoint, path: str, headers: dict[str, str], told: str) -> None:
    """A page can send text to any address without asking first: a scenario, a Create call, a reset."""
    endpoint.client("s3").create_bucket(Bucket="kept")
    status, body = ask(endpoint, "POST", path, Host="localhost:5000", **headers)
    assert (status, told in body.decode().replace("&apos;", "'")) == (403, True)
    assert endpoint.client("s3").list_buckets()["Buckets"]


def test_a_page_of_its_own_and_a_followed_link_are_answered(endpoint: LocalEndpoint) -> None:
    own = {"Host": "localhost:5000", "Origin": "http://localhost:5000", "Sec_Fetch_Site": "same-origin"}
    assert ask(endpoint, "GET", "/_local/health", **own)[0] == 200
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    assert ask(endpoint, "GET", "/_local/health", **link)[0] == 200
    assert ask(endpoint, "POST", "/_local/advance", **link)[0] == 403


@pytest.mark.parametrize(
    ("path", "headers", "form"),
    [
        ("/_local/jobs", {}, b'{"error": "Refused: '),
        ("/", TARGET, b'{"__type": "AccessDeniedException", "message": "Refused: '),
        ("/", FORM, b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDeniedException</Code><Message>Refused: "),
        ("/bucket/key", {}, b"<Error><Code>AccessDeniedException</Code><Message>Refused: "),
        ("/service/GraniteServiceVersion20100801/operation/ListMetrics", {"Smithy-Protocol": "rpc-v2-cbor"}, b"\xa2"),
    ],
)
def test_a_refusal_has_the_form_that_its_sender_reads(
    endpoint: LocalEndpoint, path: str, headers: dict[str, str], form: bytes
) -> None:
    status, body = ask(endpoint, "POST", path, Host="evil.example", **headers)
    assert status == 403
    assert body.startswith(form)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.1"])
def test_an_address_that_others_reach_has_to_be_allowed(host: str) -> None:
    with pytest.raises(AccessError, match="say --allow-remote"):
        LocalEndpoint(host=host, allowed_hosts=["local-aws"])
    with pytest.raises(AccessError, match="say by which names they may ask, for example --allowed-host local-aws"):
        LocalEndpoint(host=host, allow_remote=True)


@pytest.mark.parametrize("name", ["*", "http://local-aws", "local-aws:5000", "a/b", ""])
def test_an_allowed_host_is_a_plain_name(name: str) -> None:
    with pytest.raises(AccessError, match="a name or address without port"):
        Access.make("127.0.0.1", allowed_hosts=(name,))


def test_names_with_buckets_before_them() -> None:
    access = Access.make("127.0.0.1", allowed_hosts=("aws", "eu.AWS.", "192.0.2.7"))
    assert access.split("bucket.eu.aws:5000") == ("bucket", ":5000")
    assert access.split("my.bucket.aws") == ("my.bucket", "")
    assert access.split("192.0.2.7:1") == ("", ":1")
    assert access.split("bucket.192.0.2.7") is None
    assert access.split("bucketaws") is None
    assert Access.make("::1").reachable == "[::1]"
    assert Access.make("192.0.2.7", allow_remote=True, allowed_hosts=("aws",)).split("192.0.2.7:5000") == ("", ":5000")


@pytest.fixture(scope="module")
def remote() -> Iterator[LocalEndpoint]:
    """As docker-compose.yaml starts it, on all addresses of this machine."""
    with LocalEndpoint(host="0.0.0.0", allow_remote=True, allowed_hosts=["local-aws", "aws.example"]) as endpoint:
        yield endpoint


@pytest.mark.parametrize("name", ["local-aws", "aws.example", "localhost"])
@pytest.mark.parametrize("bucket", ["plain", "with.dots"])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_s3_by_name_of_the_endpoint(remote: LocalEndpoint, name: str, bucket: str, style: str) -> None:
    """What containers ask: ``local-aws:5000/bucket/key`` and ``bucket.local-aws:5000/key``."""
    remote.reset()
    port = urlsplit(remote.url).port
    here = urlsplit(remote.url).netloc
    s3 = boto3.client(
        "s3",
        endpoint_url=f"http://{name}:{port}",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(s3={"addressing_style": style}),
    )
    hosts = []

    def to_this_machine(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        hosts.append(parts.hostname)
        request.headers["Host"] = parts.netloc
        request.url = parts._replace(netloc=here).geturl()

    s3.meta.events.register("before-send.s3", to_this_machine)
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a key/\u00fc", Body=b"content")
    assert s3.get_object(Bucket=bucket, Key="a key/\u00fc")["Body"].read() == b"content"
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a key/\u00fc"]
    s3.close()
    assert hosts[-1] == (f"{bucket}.{name}" if style == "virtual" else name)
    logged = [
        (entry.action, entry.parameters["Bucket"], entry.parameters.get("Key")) for entry in remote.requests("s3")
    ]
    assert logged == [
        ("CreateBucket", bucket, None),
        ("PutObject", bucket, "a key/\u00fc"),
        ("GetObject", bucket, "a key/\u00fc"),
        ("ListObjectsV2", bucket, None),
    ]


def test_a_remote_endpoint_refuses_other_names_too(remote: LocalEndpoint) -> None:
    assert ask(remote, "GET", "/_local/health", Host="evil.example")[0] == 403
    assert json.loads(ask(remote, "GET", "/_local/health", Host="localhost:5000")[1])["status"] == "ok"
    assert remote.url.startswith("http://127.0.0.1:")
