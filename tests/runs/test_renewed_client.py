"""Waiting over the end of the credentials: a new client each time, and the old one closed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiobotocore.session import ClientCreatorContext

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.callbacks.message import digest_of
from airflow_sm_pipelines.callbacks.reply_queue import reply_queue
from airflow_sm_pipelines.jobs.poll_schedule import PollPace
from airflow_sm_pipelines.jobs.waiting import WaitBounds, WaitEnd, wait_for_job
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.step_types.training import KIND
from tests.runs.workers import make_queue, send

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
PACE = PollPace(0.01, 0.02)
EXPIRED = {"code": "ExpiredTokenException", "message": "The security token is expired", "status": 400}


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)
    return local_endpoint


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clients of aiobotocore were open after each one was opened or closed."""
    counts = [0]
    enter, leave = ClientCreatorContext.__aenter__, ClientCreatorContext.__aexit__

    async def entered(self: ClientCreatorContext) -> Any:
        counts.append(counts[-1] + 1)
        return await enter(self)

    async def left(self: ClientCreatorContext, *error: Any) -> None:
        counts.append(counts[-1] - 1)
        await leave(self, *error)

    monkeypatch.setattr(ClientCreatorContext, "__aenter__", entered)
    monkeypatch.setattr(ClientCreatorContext, "__aexit__", left)
    return counts


def test_the_wait_for_a_job_closes_a_client_as_soon_as_it_has_another_one(
    endpoint: LocalEndpoint, opened: list[int]
) -> None:
    endpoint.client("sagemaker").create_training_job(**training_request("ours"))
    endpoint.add_fault("sagemaker", "DescribeTrainingJob", error=EXPIRED, times=3)

    end, _ = asyncio.run(wait_for_job(ACCESS, KIND, "ours", PACE, WaitBounds()))

    assert end is WaitEnd.ENDED
    # The old one is there until then: it is kept where its connection is not found any more.
    assert opened == [0, 1, 2, 1, 2, 1, 2, 1, 0]


def test_the_reader_of_a_queue_has_one_client_at_a_time(endpoint: LocalEndpoint, opened: list[int]) -> None:
    url = make_queue(endpoint, "replies")
    send(endpoint, url, {"token": "Token00001", "status": "Success"})
    endpoint.add_fault("sqs", "ReceiveMessage", error=EXPIRED, times=3)

    async def wait() -> bool:
        return (await reply_queue(ACCESS, url, PACE).reply_to(digest_of("Token00001"))).answer.succeeded

    assert asyncio.run(wait())
    # It may need one more to put in order what its end has interrupted.
    assert opened[:8] == [0, 1, 0, 1, 0, 1, 0, 1]
    assert (max(opened), opened[-1]) == (1, 0)
