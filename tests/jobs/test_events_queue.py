"""How often the queue of job events is read, in a clock of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs import job_events
from airflow_sm_pipelines.jobs.job_events import hints
from airflow_sm_pipelines.step_types.training import KIND
from tests.jobs.virtual_time import run
from tests.step_types.test_job_events import event

FOREIGN = "a message of somebody else"


def end_of(name: str) -> str:
    told = event()
    told["detail"]["TrainingJobName"] = name
    return json.dumps(told)


class Sqs:
    """A queue that gives all its messages at each read, and else answers after the wait."""

    def __init__(self, *bodies: str) -> None:
        self.kept = {str(number): body for number, body in enumerate(bodies)}
        self.reads: list[float] = []

    async def receive_message(self, **request: Any) -> dict[str, Any]:
        self.reads.append(asyncio.get_running_loop().time())
        if not self.kept:
            await asyncio.sleep(request["WaitTimeSeconds"])
        await asyncio.sleep(0.01)
        attributes = {"ApproximateReceiveCount": "1"}
        messages = [
            {"ReceiptHandle": receipt, "Body": body, "Attributes": attributes} for receipt, body in self.kept.items()
        ]
        return {"Messages": messages}

    async def delete_message_batch(self, **request: Any) -> None:
        for entry in request["Entries"]:
            del self.kept[entry["ReceiptHandle"]]

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Sqs]:
        yield self


def waiting(sqs: Sqs, monkeypatch: pytest.MonkeyPatch, seconds: float, **botocore_config: Any) -> list[str]:
    """The jobs whose end is told while two are waited for."""

    @asynccontextmanager
    async def shared(*_: Any) -> AsyncIterator[Sqs]:
        yield sqs

    monkeypatch.setattr(job_events, "shared_client", shared)
    access = AwsAccess("aws_default", None, None, botocore_config)
    told: list[str] = []

    async def scene() -> None:
        async with (
            hints(access, "https://q", KIND, "one", lambda: told.append("one")),
            hints(access, "https://q", KIND, "two", lambda: told.append("two")),
        ):
            await asyncio.sleep(seconds)

    run(scene())
    return told


def test_a_queue_of_foreign_messages_alone_is_read_once_an_hour(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    sqs = Sqs(*[FOREIGN] * 10)
    assert waiting(sqs, monkeypatch, 2.5 * 3600) == []
    assert [round(at / 3600, 2) for at in sqs.reads] == [0, 1, 2]
    assert len(sqs.kept) == 10
    assert caplog.text.count("it is not read for an hour") == 1


def test_a_foreign_message_among_events_keeps_nobody_from_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = Sqs(FOREIGN, end_of("one"))
    assert waiting(sqs, monkeypatch, 1) == ["one"]
    sqs.kept["late"] = end_of("two")
    assert waiting(sqs, monkeypatch, 60) == ["two"]
    assert list(sqs.kept.values()) == [FOREIGN]
    assert 20 <= len(sqs.reads) <= 32


def test_ends_of_jobs_of_others_are_read_at_a_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    sqs = Sqs(*map(end_of, "abcdefghij"))
    assert waiting(sqs, monkeypatch, 60) == []
    assert 20 <= len(sqs.reads) <= 30


@pytest.mark.parametrize(
    ("config", "reads"),
    [({}, 3), ({"read_timeout": 10}, 12), ({"read_timeout": 2}, 25), ({"read_timeout": 1}, 25)],
)
def test_a_client_without_patience_does_not_make_it_read_without_a_pause(
    monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], reads: int
) -> None:
    sqs = Sqs()
    waiting(sqs, monkeypatch, 60, **config)
    assert reads * 0.8 <= len(sqs.reads) <= reads * 1.25
