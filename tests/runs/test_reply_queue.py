"""Several steps and several triggerers that share one reply queue, and the kill of a deferred step."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import Answer, AnswerSlot, AnswerState, CallbackMessage, digest_of
from airflow_sm_pipelines.callbacks.reply import Reply
from airflow_sm_pipelines.callbacks.reply_queue import reply_queue
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent, CallbackWait, wait_for_answer
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from tests.runs.harness import Airflow
from tests.runs.workers import make_queue, send, take
from tests.waiting import LOOK_SECONDS, PATIENCE_SECONDS

HOUR = 3600.0
ACCESS = AwsAccess("aws_default", "us-east-1", None, None)
PACE = PollPace(0.05, 0.2)


def token(number: int) -> str:
    return f"Token{number:05d}"


def success(number: int) -> dict[str, Any]:
    parameters = [{"Name": "n", "Value": number}]
    return {"token": token(number), "status": "Success", "OutputParameters": parameters}


async def replies_to(url: str, numbers: list[int]) -> list[str]:
    """Wait for the answers to these tokens as one triggerer does."""
    queue = reply_queue(ACCESS, url, PACE)
    assert reply_queue(ACCESS, url, PACE) is queue
    replies = await asyncio.gather(*(queue.reply_to(digest_of(token(number))) for number in numbers))
    sqs = await ACCESS.hook("sqs").get_async_conn()
    async with sqs as client:
        for reply in replies:
            await client.delete_message(QueueUrl=url, ReceiptHandle=reply.receipt)
    return [reply.answer.outputs["n"] for reply in replies]


def test_steps_of_several_triggerers_share_a_queue(airflow: Airflow) -> None:
    url = make_queue(airflow.endpoint, "replies")
    numbers = list(range(40))
    random.Random(7).shuffle(numbers)
    shares = [numbers[:15], numbers[15:30], numbers[30:]]
    found: list[list[str]] = [[], [], []]

    def triggerer(share: int) -> None:
        found[share] = asyncio.run(asyncio.wait_for(replies_to(url, shares[share]), PATIENCE_SECONDS))

    threads = [threading.Thread(target=triggerer, args=(share,)) for share in range(3)]
    for thread in threads:
        thread.start()
    for number in [*range(40), 1000, 1001]:
        send(airflow.endpoint, url, success(number))
    for thread in threads:
        thread.join()
    assert found == [[str(number) for number in share] for share in shares]
    assert {message["token"] for message in take(airflow.endpoint, url)} == {token(1000), token(1001)}


def test_a_reader_rests_when_nobody_waits(airflow: Airflow) -> None:
    url = make_queue(airflow.endpoint, "replies")

    async def wait() -> set[asyncio.Task[Any]]:
        waiting = asyncio.create_task(replies_to(url, [1]))
        while not airflow.endpoint.requests("sqs", "ReceiveMessage"):
            await asyncio.sleep(LOOK_SECONDS)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return asyncio.all_tasks()

    # Nothing is left in the loop that could read but the test itself.
    assert len(asyncio.run(wait())) == 1


def test_a_queue_that_can_be_read_again_is_waited_for(airflow: Airflow) -> None:
    url = make_queue(airflow.endpoint, "replies")
    denied = {"code": "AccessDenied", "message": "no", "status": 403}
    airflow.endpoint.add_fault("sqs", "ReceiveMessage", skip=2, times=3, error=denied)

    async def wait() -> list[str]:
        waiting = asyncio.create_task(replies_to(url, [1]))
        while len(airflow.endpoint.requests("sqs", "ReceiveMessage")) < 5:
            await asyncio.sleep(LOOK_SECONDS)
        send(airflow.endpoint, url, success(1))
        return await asyncio.wait_for(waiting, PATIENCE_SECONDS)

    assert asyncio.run(wait()) == ["1"]


POISON = [
    "no JSON",
    "[" * 250_000,
    '{"token": "\\ud800"}',
    json.dumps(["no object"]),
    json.dumps({"token": 7, "status": "Success"}),
    json.dumps({"token": token(1), "status": "Failure", "FailureReason": "no\0"}),
    json.dumps({"token": token(2), "status": "Success", "OutputParameters": [{"Name": "n", "Value": "\ud800"}]}),
]


def test_what_no_step_can_take_is_deleted_and_harms_nobody(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    """With a real queue: a step's own answer that cannot be stored is none, and its next one is taken."""
    url = make_queue(airflow.endpoint, "replies")
    for message in POISON:
        send(airflow.endpoint, url, message)
    poison = airflow.endpoint.requests("sqs", "SendMessage")
    send(airflow.endpoint, url, success(1000))
    send(airflow.endpoint, url, success(1))
    send(airflow.endpoint, url, success(2))

    assert asyncio.run(asyncio.wait_for(replies_to(url, [1, 2]), PATIENCE_SECONDS)) == ["1", "2"]
    assert take(airflow.endpoint, url) == [success(1000)]
    told = [record.getMessage() for record in caplog.records if "was deleted" in record.getMessage()]
    assert len(told) == len(POISON) == len(poison)
    assert sum("which cannot be stored" in each for each in told) == 2
    assert all(len(each) < 300 for each in told)


def test_poison_that_cannot_be_deleted_is_hidden(airflow: Airflow, caplog: pytest.LogCaptureFixture) -> None:
    url = make_queue(airflow.endpoint, "replies")
    denied = {"code": "AccessDenied", "message": "no", "status": 403}
    airflow.endpoint.add_fault("sqs", "DeleteMessage", times=1, error=denied)
    send(airflow.endpoint, url, "no JSON")
    send(airflow.endpoint, url, success(1))
    assert asyncio.run(asyncio.wait_for(replies_to(url, [1]), PATIENCE_SECONDS)) == ["1"]
    assert take(airflow.endpoint, url) == []
    assert [record.levelname for record in caplog.records if "cannot be deleted" in record.getMessage()] == ["WARNING"]


def waiting(url: str | None, *, expires_in: float = HOUR, deadline_in: float | None = None) -> CallbackWait:
    now = time.time()
    return CallbackWait(
        slot=AnswerSlot(digest_of(token(1)), "dag", "run", "task", -1),
        access=ACCESS,
        reply_queue_url=url,
        pace=PACE,
        expires_at=now + expires_in,
        deadline=None if deadline_in is None else now + deadline_in,
    )


async def empty(mailbox: AnswerSlot) -> None:
    """A mailbox without a letter."""


@pytest.mark.parametrize(
    ("expires_in", "deadline_in", "end"),
    [
        (0.2, None, CallbackEnd.EXPIRED),
        (0.2, HOUR, CallbackEnd.EXPIRED),
        (HOUR, 0.2, CallbackEnd.TIMED_OUT),
        (-1, HOUR, CallbackEnd.EXPIRED),
    ],
)
def test_whichever_time_is_over_first_ends_the_waiting(
    airflow: Airflow, expires_in: float, deadline_in: float | None, end: CallbackEnd
) -> None:
    url = make_queue(airflow.endpoint, "replies")
    wait = waiting(url, expires_in=expires_in, deadline_in=deadline_in)
    assert asyncio.run(wait_for_answer(wait, empty)) == CallbackEvent(end)
    assert CallbackEvent.from_json(json.loads(json.dumps(CallbackEvent(end).to_json()))) == CallbackEvent(end)


def test_the_triggers_event_carries_no_answer_and_the_reply_is_left_first(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_queue(airflow.endpoint, "replies")
    send(airflow.endpoint, url, success(1))
    left: list[dict[str, Any]] = []

    def leave(**entry: Any) -> None:
        if not left:
            left.append(entry)
            raise AirflowRuntimeError(ErrorResponse())
        left.append(entry)

    looks: list[Any] = []

    def look(**entry: Any) -> None:
        looks.append(entry)
        if len(looks) == 1:
            raise AirflowRuntimeError(ErrorResponse())

    # Outside of Airflow's processes there is no XCom, and no line to it.
    monkeypatch.setattr("airflow.sdk.execution_time.task_runner.SUPERVISOR_COMMS", object(), raising=False)
    monkeypatch.setattr("airflow.sdk.bases.xcom.BaseXCom.set", leave)
    monkeypatch.setattr("airflow.sdk.bases.xcom.BaseXCom.get_one", look)
    trigger = CallbackTrigger(waiting(url).to_json(), CallbackMessage(url, token(1), "arn", {}).seal())

    async def fire() -> Any:
        return await asyncio.wait_for(anext(aiter(trigger.run())), PATIENCE_SECONDS)

    event = asyncio.run(fire())
    assert event.payload == {"end": "answered", "seen": ""}
    assert [entry["key"] for entry in looks][:1] == [f"sagemaker_callback_{digest_of(token(1))}"]
    assert [entry["key"] for entry in left] == [f"sagemaker_callback_reply_{digest_of(token(1))}"] * 2
    assert Reply.from_text(left[1]["value"]).answer == Answer("Success", {"n": "1"})


def test_an_event_of_the_version_before_is_read() -> None:
    answer = Answer("Success", {"n": "1"})
    event = CallbackEvent.from_json({"end": "answered", "answer": answer.to_json(), "receipt": "handle", "seen": ""})
    assert event == CallbackEvent(CallbackEnd.ANSWERED, answer, "handle")
    assert event.reply == Reply(answer, "handle")


def test_a_killed_deferred_step_tells_its_workers_and_lets_them_answer(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the triggerer does on a kill; ``dags test`` has none."""
    work = make_queue(airflow.endpoint, "work")
    left: list[dict[str, Any]] = []

    async def leave(**letter: Any) -> None:
        left.append(letter)

    monkeypatch.setattr("airflow_sm_pipelines.callbacks.trigger.BaseXCom.aset", leave)
    notice = CallbackMessage(work, token(1), "arn", {"a": 1.5})
    trigger = CallbackTrigger(waiting(None).to_json(), notice.seal())
    path, arguments = trigger.serialize()
    assert path == "airflow_sm_pipelines.callbacks.trigger.CallbackTrigger"
    again = CallbackTrigger(**json.loads(json.dumps(arguments)))
    assert again.wait == trigger.wait
    asyncio.run(again.on_kill())
    body = {"token": token(1), "pipelineExecutionArn": "arn", "arguments": {"a": 1.5}, "status": "Stopping"}
    assert take(airflow.endpoint, work) == [body]
    assert [letter["task_id"] for letter in left] == ["task"]
    assert AnswerState.found_in(left[0]["value"]) == AnswerState("arn", "stopping")
