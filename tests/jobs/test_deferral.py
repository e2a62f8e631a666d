"""From when on the trigger of a deferred task may fire, whatever it waits for."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks import trigger as callback_trigger
from airflow_sm_pipelines.callbacks.message import Answer, AnswerSlot, CallbackMessage
from airflow_sm_pipelines.callbacks.trigger import CallbackTrigger
from airflow_sm_pipelines.callbacks.waiting import CallbackEnd, CallbackEvent, CallbackWait
from airflow_sm_pipelines.jobs import deferral
from airflow_sm_pipelines.jobs.deferral import SETTLED_SECONDS, settle, settled_at
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.pace.queue import SHORTEST_TURN
from tests.jobs.virtual_time import run

EPOCH = 1_800_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is that of the event loop."""
    at = SimpleNamespace(time=lambda: EPOCH + asyncio.get_running_loop().time())
    monkeypatch.setattr(deferral, "time", at)


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


def trigger_of_an_answer(monkeypatch: pytest.MonkeyPatch, **more: Any) -> CallbackTrigger:
    """The trigger of a Callback step whose answer is there at once."""

    async def answered(*_: Any) -> CallbackEvent:
        return CallbackEvent(CallbackEnd.ANSWERED, Answer("Success", {}))

    monkeypatch.setattr(callback_trigger, "wait_for_answer", answered)
    access = AwsAccess(aws_conn_id="aws_default", region_name=None, verify=None, botocore_config=None)
    wait = CallbackWait(AnswerSlot("0" * 64, "dag", "run", "task", -1), access, None, PollPace(30, 300), 9e9, None)
    return CallbackTrigger(wait.to_json(), CallbackMessage("q", "0" * 64, "arn", {}).seal(), **more)


@pytest.mark.parametrize(("more", "fires"), [({}, 0), ({"not_before": EPOCH + 12}, 12)])
def test_a_callback_that_is_answered_at_once(monkeypatch: pytest.MonkeyPatch, more: dict[str, Any], fires: int) -> None:
    path, stored = trigger_of_an_answer(monkeypatch, **more).serialize()
    assert path == "airflow_sm_pipelines.callbacks.trigger.CallbackTrigger"
    read = CallbackTrigger(**json.loads(json.dumps(stored)))

    async def scene() -> float:
        event = await anext(read.run())
        assert event.payload["end"] == "answered"
        return asyncio.get_running_loop().time()

    assert run(scene()) == fires
