"""From when on the trigger of a deferred task may fire, whatever it waits for."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowRuntimeError
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks import trigger as callback_trigger
from airflow_sm_pipelines.callbacks import waiting
from airflow_sm_pipelines.callbacks.message import Answer, AnswerSlot, AnswerState, CallbackMessage
from airflow_sm_pipelines.callbacks.reply import Reply
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent, CallbackWait
from airflow_sm_pipelines.callbacks.xcom_slots import reply_left
from airflow_sm_pipelines.jobs import deferral
from airflow_sm_pipelines.jobs.admission import Held, Pause
from airflow_sm_pipelines.jobs.deferral import SETTLED_SECONDS, settle, settled_at
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.operators.step import StepOperator
from airflow_sm_pipelines.pace import trigger as pause_trigger
from airflow_sm_pipelines.pace.queue import SHORTEST_TURN
from airflow_sm_pipelines.pace.trigger import PauseTrigger
from tests.jobs.virtual_time import run

EPOCH = 1_800_000_000.0
SLOT = AnswerSlot("0" * 64, "dag", "run", "task", -1)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is that of the event loop."""
    at = SimpleNamespace(time=lambda: EPOCH + asyncio.get_running_loop().time())
    for module in (deferral, waiting, pause_trigger):
        monkeypatch.setattr(module, "time", at)


def test_one_look_after_the_deferral_and_twenty_seconds_at_the_latest() -> None:
    assert settled_at(100.0, 0.5) == 100.5
    assert settled_at(100.0, 30.0) == 120.0


@pytest.mark.parametrize(
    ("not_before", "waits"), [(None, 0), (EPOCH - 3600, 0), (EPOCH + 12, 12), (EPOCH + 3600, SETTLED_SECONDS)]
)
def test_it_is_waited_for_but_never_longer_than_a_trigger_has_to(not_before: float | None, waits: float) -> None:
    async def scene() -> float:
        await settle(not_before)
        return asyncio.get_running_loop().time()

    assert run(scene()) == waits


def test_a_turn_of_the_pace_is_no_sooner() -> None:
    assert SHORTEST_TURN >= SETTLED_SECONDS


@pytest.mark.parametrize(
    ("behind", "more", "waits"),
    [
        (0, {"seconds": 41.0}, 41),
        (300, {"seconds": 41.0}, 41),
        (-30, {"seconds": 41.0}, 11),
        (-60, {"seconds": 41.0}, 0),
        (300, {}, 341),
    ],
)
def test_a_pause_takes_no_longer_where_the_triggerers_clock_is_behind(
    behind: float, more: dict[str, Any], waits: float
) -> None:
    _, stored = PauseTrigger(EPOCH + behind + 41, {"again": True}, **more).serialize()
    read = PauseTrigger(**json.loads(json.dumps(stored)))

    async def scene() -> float:
        assert (await anext(read.run())).payload == {"paused": {"again": True}}
        return asyncio.get_running_loop().time()

    assert run(scene()) == waits


def test_a_step_says_how_long_its_pause_is() -> None:
    run = SimpleNamespace(
        clock=SimpleNamespace(time=lambda: EPOCH + 1),
        record=SimpleNamespace(job_name="", attempt=1),
        pipeline=SimpleNamespace(name="p"),
        step=SimpleNamespace(name="s", type="Training"),
    )

    def defer(*, trigger: PauseTrigger, method_name: str) -> None:
        assert (trigger.until, trigger.seconds, method_name) == (EPOCH + 42, 41, "execute_complete")
        raise InterruptedError

    step: Any = SimpleNamespace(step_run=run, defer=defer)
    with pytest.raises(InterruptedError):
        StepOperator.pause(step, Pause(EPOCH + 42, Held()))


def trigger_of_an_answer(monkeypatch: pytest.MonkeyPatch, **more: Any) -> CallbackTrigger:
    """The trigger of a Callback step whose answer is there at once."""

    async def answered(*_: Any) -> CallbackEvent:
        return CallbackEvent(CallbackEnd.ANSWERED, Answer("Success", {}))

    monkeypatch.setattr(callback_trigger, "wait_for_answer", answered)
    return callback_trigger_of(SLOT, None, **more)


def callback_trigger_of(slot: AnswerSlot, queue: str | None, **more: Any) -> CallbackTrigger:
    access = AwsAccess(aws_conn_id="aws_default", region_name=None, verify=None, botocore_config=None)
    wait = CallbackWait(slot, access, queue, PollPace(30, 300), EPOCH + 3600, None)
    return CallbackTrigger(wait.to_json(), CallbackMessage("q", "0" * 64, "arn", {}).seal(), **more)


@pytest.mark.parametrize(("more", "fires"), [({}, 0), ({"not_before": EPOCH + 12}, 12)])
def test_a_callback_that_is_answered_at_once(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], fires: int) -> None:
    path, stored = trigger_of_an_answer(monkeypatch, **more).serialize()
    assert path == "airflow_sm_pipelines.callbacks.trigger.CallbackTrigger"
    read = CallbackTrigger(**json.loads(json.dumps(stored)))
    assert run(fired(read)) == ("answered", fires)


async def fired(trigger: CallbackTrigger) -> tuple[str, float]:
    """With which end, and when."""
    event = await anext(trigger.run())
    return event.payload["end"], asyncio.get_running_loop().time()


class XComs:
    """The XComs of the task, as a trigger reads and writes them; ``failing`` is how many more reads fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept: dict[str, Any] = {}
        self.failing = 0
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", object(), raising=False)
        monkeypatch.setattr(BaseXCom, "get_one", self.get)
        monkeypatch.setattr(BaseXCom, "set", lambda value, **address: self.kept.update({address["key"]: value}))

    def get(self, *, key: str, **_: Any) -> Any:
        if self.failing:
            self.failing -= 1
            raise AirflowRuntimeError(ErrorResponse())
        return self.kept.get(key)


class Queue:
    """A reply queue with one answer, which whoever reads it hides for ten minutes."""

    visible_at = 2.0

    async def reply_to(self, _: str) -> Reply:
        now = asyncio.get_running_loop().time
        await asyncio.sleep(max(0.0, self.visible_at - now()))
        self.visible_at = now() + 600
        return Reply(Answer("Success", {"n": "1"}), "handle")


@pytest.fixture
def xcoms(monkeypatch: pytest.MonkeyPatch) -> XComs:
    queue = Queue()
    monkeypatch.setattr(waiting, "reply_queue", lambda *_: queue)
    return XComs(monkeypatch)


def stored_trigger() -> CallbackTrigger:
    """As each triggerer makes it."""
    _, stored = callback_trigger_of(SLOT, "https://q", not_before=EPOCH + 20).serialize()
    return CallbackTrigger(**stored)


@pytest.mark.parametrize("failing", [0, 2])
def test_an_answer_that_a_triggerer_had_left_when_it_died_is_taken_by_the_next_one(xcoms: XComs, failing: int) -> None:
    async def scene() -> tuple[str, float]:
        first = asyncio.create_task(fired(stored_trigger()))
        await asyncio.sleep(5)
        assert SLOT.reply_address["key"] in xcoms.kept
        first.cancel()
        await asyncio.wait([first])
        xcoms.failing = failing
        return await fired(stored_trigger())

    end, seconds = run(scene())
    assert end == "answered"
    # Each of the two looks that failed is followed by a pause.
    assert seconds == 20 if not failing else 20 < seconds < 120
    assert reply_left(SLOT) == Reply(Answer("Success", {"n": "1"}), "handle")


@pytest.mark.parametrize("what", ["of another token", "unreadable"])
def test_what_is_no_answer_to_this_token_is_not_taken(xcoms: XComs, what: str) -> None:
    other = AnswerSlot("1" * 64, "dag", "run", "task", -1)
    if what == "unreadable":
        xcoms.kept[SLOT.reply_address["key"]] = '{"answer": {"status": "Success", "sealed": "?"}, "receipt": "old"}'
    else:
        xcoms.kept[other.reply_address["key"]] = Reply(Answer("Failure", {}), "old").to_text()
    xcoms.kept[SLOT.address["key"]] = AnswerState("arn").to_text()
    # The trigger waits for the answer in the queue, and that one is the task's.
    assert run(fired(callback_trigger_of(SLOT, "https://q"))) == ("answered", 2)
    assert reply_left(SLOT) == Reply(Answer("Success", {"n": "1"}), "handle")
