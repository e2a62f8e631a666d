"""The API as anybody who reaches it can call it: raw HTTP, to the app without Airflow."""

from __future__ import annotations

import asyncio
import base64
import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from airflow_sm_pipelines.api.app import MAX_BODY_BYTES, make_app
from airflow_sm_pipelines.api.caller import SignedRequest
from tests.api.harness import Deployment, sent


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return Deployment(tmp_path)


def told(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-errortype"] == response.json()["__type"]
    assert response.headers["x-amzn-requestid"]
    return response.status_code, response.json()["__type"]


def test_a_response_is_of_sagemakers_protocol(deployment: Deployment) -> None:
    response = deployment.post(b"{}")
    assert (response.status_code, response.json()) == (200, {"PipelineSummaries": []})
    assert response.headers["content-type"] == "application/x-amz-json-1.1"
    for body in (b"", b'{"CreatedAfter": "2026-01-01T00:00:00Z"}', b'{"CreatedAfter": 1.5, "SortBy": null}'):
        assert deployment.post(body).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[]", "SerializationException"),
        (b"{", "SerializationException"),
        (b"\xff", "SerializationException"),
        (b'{"MaxResults": NaN}', "SerializationException"),
        (b'{"MaxResults": 1e999}', "SerializationException"),
        (b'{"Other": ' + b"[" * 500 + b"]" * 500 + b"}", "ValidationException"),
        (b'{"NextToken": "' + base64.b64encode(b"[" * 6000) + b'"}', "ValidationException"),
        (b"[" * 100_000, "SerializationException"),
        (b'{"MaxResults": "1"}', "SerializationException"),
        (b'{"CreatedAfter": {}}', "SerializationException"),
        (b'{"CreatedAfter": "soon"}', "SerializationException"),
        (b'{"CreatedAfter": 1e300}', "SerializationException"),
        (b'{"MaxResults": 101}', "ValidationException"),
        (b'{"SortBy": "Size"}', "ValidationException"),
        (b'{"PipelineNamePrefix": "a_b"}', "ValidationException"),
        (b'{"PipelineNamePrefix": "\\ud800"}', "ValidationException"),
        (b'{"Other": 1}', "ValidationException"),
    ],
)
def test_what_is_no_request_is_refused(deployment: Deployment, body: bytes, code: str) -> None:
    assert told(deployment.post(body)) == (400, code)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("SageMaker.CreateTrainingJob", "CreateTrainingJob is not served here"),
        ("SageMaker.MakeCoffee", "names no operation of SageMaker"),
        ("ListPipelines", "names no operation of SageMaker"),
        ("", "names no operation of SageMaker"),
    ],
)
def test_what_is_no_operation_on_pipelines_is_refused(deployment: Deployment, target: str, words: str) -> None:
    response = deployment.post(b"{}", X_Amz_Target=target)
    assert told(response) == (400, "UnknownOperationException")
    assert words in response.json()["message"]


def test_who_is_not_known_learns_nothing(deployment: Deployment) -> None:
    for target in ("SageMaker.ListPipelines", "SageMaker.CreateTrainingJob", "SageMaker.DeletePipeline"):
        response = deployment.post(b"{", Authorization="Credential=NOBODY/x", X_Amz_Target=target)
        assert told(response) == (403, "UnrecognizedClientException")
    assert deployment.audited == []


def test_a_body_is_read_no_further_than_it_may_be_long(deployment: Deployment) -> None:
    assert told(deployment.post(b"x" * (MAX_BODY_BYTES + 1))) == (413, "RequestEntityTooLargeException")


def answered_by(answer: Any, headers: list[tuple[str, str]] | None = None) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(make_app(lambda request: partial(answer, request), 0))
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as http:
            return await http.post("/v1/?a=b%2Fc", content=b"{}", headers=headers)

    return asyncio.run(call())


def test_what_goes_wrong_in_here_is_told_to_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: SignedRequest) -> dict[str, Any]:
        raise ZeroDivisionError("secret")

    response = answered_by(broken)
    assert told(response) == (500, "InternalFailure")
    assert "secret" not in response.text
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_request_is_handed_on_as_it_came() -> None:
    seen: list[SignedRequest] = []

    def answer(request: SignedRequest) -> dict[str, Any]:
        seen.append(request)
        return {}

    answered_by(
        answer, [("X-Twice", "a"), ("x-twice", "b"), ("Authorization", "AWS4 x"), ("Authorization", "Bearer y")]
    )
    answered_by(answer, [("Authorization", "Bearer y")])
    first, second = seen
    assert (first.method, first.path, first.query, first.body) == ("POST", "/v1/", "a=b%2Fc", b"{}")
    assert (first.headers["x-twice"], first.headers["authorization"]) == ("a,b", "AWS4 x")
    assert second.headers["authorization"] == "Bearer y"


def test_only_posts_are_answered(deployment: Deployment) -> None:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(deployment.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as http:
            return await http.get("/v1")

    assert asyncio.run(call()).status_code == 405
    assert sent(deployment.app, "/v2", json.dumps({}).encode(), {}).status_code == 404
