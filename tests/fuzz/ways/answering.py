"""Answers to a Callback step: at the API server's door or in the reply queue, by the real trigger into PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import os
import random
import string
import time
from dataclasses import dataclass
from typing import Any

from airflow.jobs.triggerer_job_runner import TriggerEventEntry, messages
from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.models.xcom import XComModel
from airflow.state import get_state_backend
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState
from sqlalchemy import select

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import (
    ANSWER_STORE_KEY,
    Answer,
    AnswerSlot,
    AnswerState,
    CallbackMessage,
    digest_of,
)
from airflow_sm_pipelines.callbacks.requests import OPERATIONS
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEvent, CallbackWait
from airflow_sm_pipelines.callbacks.xcom_slots import reply_left
from airflow_sm_pipelines.definition.model import ParameterType
from airflow_sm_pipelines.expressions.outputs import OutputError, typed_outputs
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from tests.definition.build import document
from tests.fuzz.comms import connect, packed
from tests.fuzz.documents import OUTPUTS, asking
from tests.fuzz.site import api, forget, one, write
from tests.fuzz.storable import check_json, check_storable, check_told
from tests.fuzz.ways.parsing import FILE, GOOD, Parsing
from tests.fuzz.wild import TEXTS, key, raw, scalar, value, written

TOKEN = "abcdeFGH12"  # a callback token of SageMaker's form
DECLARED = {output["OutputName"]: ParameterType(output["OutputType"]) for output in OUTPUTS}
REFUSALS = (400, 404, 413, 429)
MESSAGES = 6
SECONDS = 300


@dataclass(frozen=True)
class Call:
    """A request to the endpoint."""

    target: str
    body: bytes


@dataclass(frozen=True)
class Queued:
    """Messages of the reply queue. What cannot be used is dropped, so the last one is an answer that can be."""

    bodies: tuple[str, ...]


class Answering:
    """The input is a call, or some messages of a queue."""

    counted = 1

    def __init__(self) -> None:
        self._endpoint = LocalEndpoint().start()
        self._access = AwsAccess("aws_default", "us-east-1", None, None)
        self._mailbox, self._trigger_id = _waiting_step()

    def make(self, chance: random.Random) -> Call | Queued:
        if chance.random() < 0.05:
            wild = [_message(chance) for _ in range(chance.randrange(MESSAGES))]
            return Queued((*wild, json.dumps({"token": TOKEN, "status": "Failure", "FailureReason": "x"})))
        operation = chance.choice([*OPERATIONS])
        target = f"SageMaker.{operation}" if chance.random() < 0.97 else chance.choice(TEXTS[:20])
        body = _body(operation, chance).encode("utf-8", "surrogatepass")
        if chance.random() < 0.05:
            body = body[: chance.randrange(len(body) + 1)] + chance.choice((b"", b"\xff", b"\0", b"["))
        return Call("".join(character for character in target if " " <= character <= "~"), body)

    def take(self, given: Call | Queued) -> str:
        os.environ.update(self._endpoint.environment)
        self._rewind()
        return self._queued(given) if isinstance(given, Queued) else self._called(given)

    def _queued(self, given: Queued) -> str:
        sqs = self._endpoint.client("sqs")
        queue: str = sqs.create_queue(QueueName="replies")["QueueUrl"]
        for body in given.bodies:
            sqs.send_message(QueueUrl=queue, MessageBody=body)
        self._wake(queue)
        reply = reply_left(self._mailbox)
        assert reply is not None
        _use(reply.answer)
        sqs.delete_queue(QueueUrl=queue)
        return "queued"

    def _called(self, given: Call) -> str:
        headers = {"X-Amz-Target": given.target, "Content-Type": "application/x-amz-json-1.1"}
        answer = api().post("/aws/sagemaker", content=given.body, headers=headers)
        one(answer, 200, *REFUSALS)
        with create_session() as session:
            letter = AnswerState.found_in(_xcom(session, self._mailbox.address).value)
        assert letter is not None
        if answer.status_code != 200:
            assert letter.answer is None
            return "refused"
        assert letter.answer is not None
        self._wake(None)
        _use(letter.answer)
        _use(self._on_record())
        return "answered"

    def _wake(self, queue: str | None) -> None:
        """The trigger fires, and its event resumes the task."""
        pace = PollPace(0.01, 0.05)
        wait = CallbackWait(self._mailbox, self._access, queue, pace, time.time() + SECONDS, None)
        trigger = CallbackTrigger(wait.to_json(), CallbackMessage("q", TOKEN, "arn", {}).seal())
        event = asyncio.run(_first(trigger))
        entry = TriggerEventEntry(self._trigger_id, event, None)
        [(_, received, _)] = packed(messages.TriggerStateChanges(events=[entry]))["events"]
        check_json(received)
        with create_session() as session:
            Trigger.submit_event(self._trigger_id, event, session=session)
        with create_session() as session:
            task = _task(session)
            assert task.state == TaskInstanceState.SCHEDULED
            seen = CallbackEvent.from_json(event.payload)
            assert seen.end.value == "answered", event.payload

    def _on_record(self) -> Answer:
        from airflow._shared.state import TaskScope

        box = self._mailbox
        scope = TaskScope(dag_id=box.dag_id, run_id=box.run_id, task_id=box.task_id, map_index=box.map_index)
        with create_session() as session:
            stored = get_state_backend().get(scope, ANSWER_STORE_KEY, session=session)
        assert stored is not None
        return Answer.from_json(json.loads(stored)["answer"])

    def _rewind(self) -> None:
        """The step waits again, and has got no answer."""
        with create_session() as session:
            task = _task(session)
            task.state, task.trigger_id = TaskInstanceState.DEFERRED, self._trigger_id
            task.next_method, task.next_kwargs = "execute_complete", {}
            for address in (self._mailbox.address, self._mailbox.reply_address):
                where = dict(address)
                name = where.pop("key")
                text = AnswerState("arn").to_text() if address == self._mailbox.address else ""
                XComModel.set(name, text or None, **where, serialize=False, session=session)


async def _first(trigger: CallbackTrigger) -> Any:
    async for event in trigger.run():
        return event
    raise AssertionError("the trigger ended without an event")


def _use(answer: Answer) -> None:
    """What the step's task makes of an answer can be stored as its result."""
    assert answer.failure_reason.encode() is not None
    try:
        check_storable(typed_outputs(DECLARED, answer.outputs, "the answer"))
    except OutputError as error:
        check_told(error)


def _waiting_step() -> tuple[AnswerSlot, int]:
    """A run whose Callback step is deferred: where its answer goes, and its trigger's number."""
    forget()
    connect()
    write(Parsing().parsed({"dags.py": FILE.format(arguments=""), f"{GOOD}.json": json.dumps(document(asking()))}))
    run = one(api().post(f"/api/v2/dags/{GOOD}/dagRuns", json={"logical_date": None}))["dag_run_id"]
    box = AnswerSlot(digest_of(TOKEN), GOOD, run, "Ask", -1)
    with create_session() as session:
        trigger = Trigger("airflow_sm_pipelines.callbacks.trigger.CallbackTrigger", {})
        session.add(trigger)
        session.flush()
        return box, trigger.id


def _task(session: Any) -> TaskInstance:
    task: TaskInstance | None = session.scalar(select(TaskInstance).where(TaskInstance.task_id == "Ask"))
    assert task is not None
    return task


def _xcom(session: Any, address: dict[str, Any]) -> Any:
    return session.scalar(select(XComModel).filter_by(**address))


def _body(operation: str, chance: random.Random) -> str:
    """A request, most of them with one or two members that are wild."""
    request: dict[str, Any] = {"CallbackToken": TOKEN}
    if operation.endswith("Success"):
        request["OutputParameters"] = [{"Name": name, "Value": _text(chance)} for name in DECLARED]
    else:
        request["FailureReason"] = _text(chance)
    if chance.random() < 0.3:
        request["ClientRequestToken"] = "r" * 32
    luck = chance.random()
    if luck < 0.2:
        request[chance.choice([*request])] = value(chance)
    elif luck < 0.3:
        request[key(chance)] = value(chance)
    elif luck < 0.35:
        request = value(chance)
    elif luck < 0.4:
        request["OutputParameters"] = chance.choice(([{"Name": "n", "Value": "1"}] * 60, raw("[" * 100_000), [[]], {}))
    return written(request)


def _text(chance: random.Random) -> str:
    fitting = ("1", "0.5", "true", "x", "-7", "1e22", "1e308", "9" * 30, "1e999", "NaN", " 3 ")
    return chance.choice(fitting if chance.random() < 0.6 else TEXTS)


def _message(chance: random.Random) -> str:
    other = "".join(chance.choice(string.ascii_letters) for _ in range(10))
    token = TOKEN if chance.random() < 0.3 else other
    match chance.randrange(4):
        case 0:
            return chance.choice(TEXTS[1:]).encode("utf-8", "replace").decode().replace("\0", "") or "x"
        case 1:
            return written(value(chance)) or "x"
        case 2:
            return chance.choice(("[" * 250_000, '{"token": "\\ud800"}', '{"token": 1}', '{"token": "' + token + '"}'))
        case _:
            outputs = [{"Name": name, "Value": scalar(chance)} for name in DECLARED]
            status = chance.choice(("Success", "Failure", scalar(chance)))
            made = outputs if chance.random() < 0.5 else value(chance)
            reply = {"token": token, "status": status, "OutputParameters": made}
            return written({**reply, "FailureReason": scalar(chance)})
