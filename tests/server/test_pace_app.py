"""The door of the pace as anybody who reaches it can call it: raw HTTP, to the app without a database."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import msgspec
import pytest

from airflow_sm_pipelines.pace.asking import Asking, PacedCall, PaceMessage, TaskRef
from airflow_sm_pipelines.pace.client import HttpPermits, SilentDoors
from airflow_sm_pipelines.pace.http import door_url
from airflow_sm_pipelines.pace.queue import Answer, CallQueue
from airflow_sm_pipelines.server.pace_answers import NotTheTaskError, said
from airflow_sm_pipelines.server.pace_app import MAX_BODY_BYTES, make_app
from airflow_sm_pipelines.server.refusal_rate import RefusalRate

CALL = PacedCall("CreateTrainingJob", "123456789012", "eu-west-1")
TASK = TaskRef("dag", "run", "task")
ASKING = Asking(PaceMessage.ASK, CALL, TASK, "secret")
PERMIT = Answer(True, 1.5, 7.0)


class Door:
    """The app of a deployment in which one task runs; ``asked`` is what it has said."""

    def __init__(self, per_minute: int = 300) -> None:
        self.asked: list[Asking] = []
        self._app = make_app(self._answer, RefusalRate(per_minute, lambda: 0.0))

    def _answer(self, asking: Asking) -> Answer:
        if asking.secret != "secret":
            raise NotTheTaskError
        self.asked.append(asking)
        return PERMIT

    def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
                return await client.post(url, content=body)

        answer = asyncio.run(call())
        return answer.status_code, answer.content


def body_with(**members: Any) -> bytes:
    return msgspec.json.encode({**msgspec.to_builtins(ASKING), **members})


def test_a_task_is_answered() -> None:
    door = Door()
    status, body = door.post("/calls", ASKING.to_bytes())
    assert (status, msgspec.json.decode(body, type=Answer)) == (200, PERMIT)
    assert door.asked == [ASKING]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (body_with(secret="guessed"), 403),
        (b"", 400),
        (b"[]", 400),
        (b"[" * 5000, 400),
        (b"\xff", 400),
        (body_with(message="give me all"), 400),
        (body_with(secret=""), 400),
        (body_with(more=1), 400),
        (body_with(permit="1"), 400),
        (body_with(call={"api": "x'; DROP TABLE", "account": "", "region": "eu-west-1"}), 400),
        (body_with(call={"api": "CreateTrainingJob", "account": "12", "region": "eu-west-1"}), 400),
        (body_with(call={"api": "CreateTrainingJob", "account": "", "region": "../x"}), 400),
        (body_with(task={"dag_id": "d" * 251, "run_id": "r", "task_id": "t"}), 400),
        (b" " * (MAX_BODY_BYTES + 1), 413),
    ],
)
def test_a_wrong_caller_is_refused(body: bytes, status: int) -> None:
    door = Door()
    assert door.post("/calls", body) == (status, b"")
    assert door.asked == []


def test_refusals_have_a_rate_and_tasks_have_none() -> None:
    door = Door(per_minute=2)
    assert [door.post("/calls", body_with(secret="guessed"))[0] for _ in range(4)] == [403, 403, 429, 429]
    assert door.post("/calls", ASKING.to_bytes())[0] == 200


# The task's side ------------------------------------------------------------------------------------------------


class Store(dict[str, Any]):
    def set(self, key: str, value: Any) -> None:
        self[key] = value


class Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def warning(self, event: str, *args: Any) -> None:
        self.lines.append(event % args)


def permits(post: Any, silent: SilentDoors | None = None) -> tuple[HttpPermits, Store, Log]:
    store, log = Store(), Log()
    return HttpPermits("/calls", TASK, store, log, post, silent or SilentDoors()), store, log


def test_the_secret_stays_with_the_task_and_its_digest_is_in_the_store() -> None:
    sent: list[Asking] = []

    def post(_: str, body: bytes) -> tuple[int, bytes]:
        sent.append(Asking.from_bytes(body))
        return 200, msgspec.json.encode(PERMIT)

    asking, store, log = permits(post)
    assert asking.say(PaceMessage.ASK, CALL) == PERMIT
    assert asking.say(PaceMessage.THROTTLED, CALL, 7.0) == PERMIT
    first, second = sent
    assert (first.secret, second.permit, log.lines) == (second.secret, 7.0, [])
    assert first.secret not in str(store)
    assert len(store["sagemaker_pace"]["digest"]) == 64


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (OSError("refused"), "it cannot be reached: refused"),
        ((404, b""), "it has none for CreateTrainingJob"),
        ((403, b""), "it answers with the status 403"),
        ((302, b""), "it answers with the status 302"),
        ((200, b"<html>"), "its answer cannot be read"),
        ((200, b'{"granted": true, "wait": "long"}'), "its answer cannot be read"),
    ],
)
def test_without_a_good_answer_there_is_no_pace_and_that_is_said_once(answer: Any, told: str) -> None:
    calls = 0

    def post(_: str, __: bytes) -> tuple[int, bytes]:
        nonlocal calls
        calls += 1
        if isinstance(answer, OSError):
            raise answer
        return answer  # type: ignore[no-any-return] # one of the above

    asking, _, log = permits(post)
    assert (asking.say(PaceMessage.ASK, CALL), asking.say(PaceMessage.ASK, CALL)) == (None, None)
    assert calls == 1
    (line,) = log.lines
    assert line.startswith("Calls that create jobs are made without a pace")
    assert told in line


def test_the_next_tasks_of_the_process_ask_a_silent_door_again_after_a_minute() -> None:
    clock, calls = [0.0], 0

    def post(_: str, __: bytes) -> tuple[int, bytes]:
        nonlocal calls
        calls += 1
        raise OSError("refused")

    silent = SilentDoors(lambda: clock[0])
    told = []
    for clock[0] in (0.0, 1.0, 59.0, 61.0):
        asking, _, log = permits(post, silent)
        assert asking.say(PaceMessage.ASK, CALL) is None
        told.append(len(log.lines))
    assert (told, calls) == ([1, 0, 0, 1], 2)


@pytest.mark.parametrize(
    ("execution", "base", "url"),
    [
        (None, None, "http://localhost:8080/sagemaker-pace/calls"),
        (None, "/af", "http://localhost:8080/af/sagemaker-pace/calls"),
        (None, "https://airflow.example.com/af/", "https://airflow.example.com/af/sagemaker-pace/calls"),
        ("http://api:8080/execution/", "https://out.example.com", "http://api:8080/sagemaker-pace/calls"),
        ("http://api:8080/af/execution", None, "http://api:8080/af/sagemaker-pace/calls"),
    ],
)
def test_the_address_is_that_of_airflows_api(execution: str | None, base: str | None, url: str) -> None:
    assert door_url(execution, base, "/calls") == url


def test_what_a_task_sends_is_read_by_an_api_server_of_the_version_before() -> None:
    """It refuses members that it does not know: one who can defer sends none of these."""
    sent = msgspec.json.decode(Asking(PaceMessage.ASK, CALL, TASK, "secret").to_bytes())
    assert sent.keys() == {"message", "call", "task", "secret"}
    here = Asking(PaceMessage.ASK, CALL, TASK, "secret", may_defer=False)
    assert Asking.from_bytes(here.to_bytes()) == here


def test_a_throttle_that_is_given_up_widens_the_pace_and_takes_no_permit() -> None:
    queue, permit = CallQueue().ask(1e6, 1.0, again=False)
    asking = Asking(PaceMessage.GIVEN_UP, CALL, TASK, "secret", permit.permit)
    widened, answer = said(asking, queue, 1e6, 1.0)
    assert (widened.interval, answer.granted) == (1.5, True)
    assert widened.permit_at == 1e6 + 1.5
