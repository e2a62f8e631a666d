"""The endpoint as anybody who reaches it can call it: raw HTTP, to the app without Airflow."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from airflow_sm_pipelines.callbacks.requests import Answering
from airflow_sm_pipelines.server.callback_app import MAX_BODY_BYTES, make_app
from airflow_sm_pipelines.server.refusal_rate import RefusalRate
from airflow_sm_pipelines.wire.errors import ApiError

TOKEN = "0123456789"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/p/execution/x"
SUCCESS = "SageMaker.SendPipelineExecutionStepSuccess"


class Clock:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Door:
    """The app of a deployment in which one step waits; ``taken`` is what it was answered."""

    def __init__(self, per_minute: int = 300) -> None:
        self.clock = Clock()
        self.taken: list[Answering] = []
        self._app = make_app(self._take, RefusalRate(per_minute, self.clock))

    def _take(self, answering: Answering) -> str:
        if answering.token != TOKEN:
            raise ApiError("ResourceNotFound", "No step waits for this callback token.")
        self.taken.append(answering)
        return ARN

    def post(self, body: Any, *, path: str = "/sagemaker", **headers: str | bytes) -> httpx.Response:
        """The response to a call; an exception in the app is raised here."""
        given: dict[str, str | bytes] = {"X-Amz-Target": SUCCESS, "Content-Type": "application/x-amz-json-1.1"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        encoded = [(n.encode(), v if isinstance(v, bytes) else v.encode()) for n, v in given.items()]

        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.post(path, content=body, headers=encoded)

        return asyncio.run(call())


def request(token: str = TOKEN, **members: Any) -> bytes:
    return json.dumps({"CallbackToken": token, **members}).encode()


async def chunked(body: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    """A body that does not say its length."""
    for place in range(0, len(body), size):
        yield body[place : place + size]


@pytest.mark.parametrize("path", ["/sagemaker", "/sagemaker/"])
def test_an_answer_is_taken(path: str) -> None:
    door = Door()
    response = door.post(request(OutputParameters=[{"Name": "n", "Value": "1"}]), path=path)
    assert (response.status_code, response.json()) == (200, {"PipelineExecutionArn": ARN})
    assert response.headers["x-amzn-requestid"]
    assert door.post(chunked(request()), Content_Type="text/plain; charset=utf-16").status_code == 200
    assert [each.answer.outputs for each in door.taken] == [{"n": "1"}, {}]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "SerializationException"),
        (b'{"CallbackToken": "01234567\xff9"}', 400, "SerializationException"),
        (b"\x1f\x8b\x08\x00", 400, "SerializationException"),
        (b"[" * 250_000, 400, "SerializationException"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "SerializationException"),
        (request().replace(b'"01234', b'"0\x001234'), 400, "SerializationException"),
        (b'{"CallbackToken": "0123456789", "OutputParameters": 7}', 400, "SerializationException"),
        (request("012345678\0"), 400, "ValidationException"),
        (request(OutputParameters=[{"Name": "n", "Value": "\ud800"}]), 400, "ValidationException"),
        (request("9876543210"), 400, "ResourceNotFound"),
        (b" " * (MAX_BODY_BYTES + 1), 413, "RequestEntityTooLargeException"),
        (b"[" * 10_000_000, 413, "RequestEntityTooLargeException"),
    ],
)
@pytest.mark.parametrize("whole", [True, False], ids=["whole", "chunked"])
def test_what_is_refused(body: bytes, status: int, code: str, whole: bool, caplog: pytest.LogCaptureFixture) -> None:
    door = Door()
    with caplog.at_level(logging.INFO, "airflow_sm_pipelines"):
        response = door.post(body if whole else chunked(body, 100_000))
    assert response.status_code == status
    assert response.json()["__type"] == response.headers["x-amzn-errortype"] == code
    assert TOKEN not in response.text
    assert [record.getMessage() for record in caplog.records if record.name.startswith("airflow_sm")] == [
        f"An answer to a callback was refused: {code}"
    ]
    assert door.taken == []


@pytest.mark.parametrize("target", [b"", b"SageMaker.", b"SageMaker.CreateModel", b"x" * 100_000, b"\xff", b"a, b"])
def test_another_target(target: bytes) -> None:
    response = Door().post(request(), X_Amz_Target=target)
    assert (response.status_code, response.json()["__type"]) == (400, "UnknownOperationException")


def test_a_body_that_ends_before_its_end() -> None:
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-amz-target", SUCCESS.encode())]
    scope = {"type": "http", "method": "POST", "path": "/sagemaker", "query_string": b"", "headers": headers}
    asyncio.run(Door()._app(scope, receive, send))
    assert sent[0]["status"] == 400


def test_refusals_have_a_rate_and_answers_that_are_taken_have_none(caplog: pytest.LogCaptureFixture) -> None:
    door = Door(per_minute=6)
    with caplog.at_level(logging.INFO, "airflow_sm_pipelines"):
        refused = [door.post(body).status_code for body in [b"no JSON", request("9876543210")] * 10]
        accepted = [door.post(request()).status_code for _ in range(10)]
    assert refused == [400] * 6 + [429] * 14
    assert accepted == [200] * 10
    response = door.post(b"no JSON")
    assert response.json() == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    assert len([record for record in caplog.records if record.name.startswith("airflow_sm")]) == 7

    door.clock.now = 10.0
    assert [door.post(b"no JSON").status_code for _ in range(2)] == [400, 429]
    door.clock.now = 6000.0
    with caplog.at_level(logging.INFO, "airflow_sm_pipelines"):
        assert [door.post(b"no JSON").status_code for _ in range(7)] == [400] * 6 + [429]
    told = [record.getMessage() for record in caplog.records if "refused for their rate" in record.getMessage()]
    assert [each.partition(" ")[0] for each in told] == ["1", "15"]
