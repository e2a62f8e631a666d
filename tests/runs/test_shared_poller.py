"""Many jobs waited for in one event loop, as a triggerer does: what reaches AWS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import processing_request, training_request
from airflow_sm_pipelines.step_types import processing, training
from tests.waiting import PATIENCE_SECONDS

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
INTERVAL = 0.5
JOBS = 100


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)
    local_endpoint.load_scenario({"defaults": {"duration": 3600}})
    return local_endpoint


def trigger(kind: Any, name: str, *, by_lists: bool = True, interval: float = INTERVAL) -> JobTrigger:
    access = ACCESS.to_json()
    return JobTrigger(kind.to_json(), name, access, interval, 10 * interval, None, by_lists=by_lists)


async def fired(one: JobTrigger) -> TriggerEvent:
    return await anext(one.run())


@asynccontextmanager
async def running(triggers: list[JobTrigger]) -> AsyncIterator[list[asyncio.Task[TriggerEvent]]]:
    tasks = [asyncio.create_task(fired(one)) for one in triggers]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.05)


def create(endpoint: LocalEndpoint, count: int) -> list[str]:
    sagemaker = endpoint.client("sagemaker")
    names = [f"ours-{number}" for number in range(count)]
    for name in names:
        sagemaker.create_training_job(**training_request(name))
    return names


def test_a_hundred_jobs_in_flight_take_a_list_an_interval_and_a_description_for_each_change(
    endpoint: LocalEndpoint,
) -> None:
    names = create(endpoint, JOBS)

    def calls(action: str) -> int:
        return len(endpoint.requests("sagemaker", action))

    async def scene() -> None:
        async with running([trigger(training.KIND, name) for name in names]) as tasks:
            # Each is described in the first interval, and some again until the first lists are answered.
            await until(lambda: calls("DescribeTrainingJob") >= JOBS and calls("ListTrainingJobs") >= 5)
            before = calls("DescribeTrainingJob"), calls("ListTrainingJobs")
            await until(lambda: calls("ListTrainingJobs") >= before[1] + 10)
            assert calls("DescribeTrainingJob") == before[0]
            endpoint.client("sagemaker").stop_training_job(TrainingJobName=names[7])
            await asyncio.wait([tasks[7]])
            assert 1 <= calls("DescribeTrainingJob") - before[0] <= 3
            endpoint.advance(86400)
            events = await asyncio.gather(*tasks)
            assert [event.payload["end"] for event in events] == ["ended"] * JOBS
            assert calls("DescribeTrainingJob") - before[0] <= 2 * JOBS

    asyncio.run(scene())


def test_jobs_of_two_kinds_are_listed_each_and_one_that_is_alone_is_described(endpoint: LocalEndpoint) -> None:
    names = create(endpoint, 2)
    endpoint.client("sagemaker").create_processing_job(**processing_request("alone"))

    async def scene() -> None:
        triggers = [*(trigger(training.KIND, name) for name in names), trigger(processing.KIND, "alone")]
        async with running(triggers):
            await until(lambda: len(endpoint.requests("sagemaker", "ListTrainingJobs")) >= 3)
            await until(lambda: len(endpoint.requests("sagemaker", "DescribeProcessingJob")) >= 3)
        assert endpoint.requests("sagemaker", "ListProcessingJobs") == ()

    asyncio.run(scene())


def test_with_the_setting_off_nothing_is_listed(endpoint: LocalEndpoint) -> None:
    names = create(endpoint, 3)

    async def scene() -> None:
        async with running([trigger(training.KIND, name, by_lists=False) for name in names]):
            await until(lambda: len(endpoint.requests("sagemaker", "DescribeTrainingJob")) >= 12)
        assert endpoint.requests("sagemaker", "ListTrainingJobs") == ()

    asyncio.run(scene())


def test_where_lists_are_refused_the_jobs_are_described_and_end(
    endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    names = create(endpoint, 3)
    denied = {"code": "AccessDeniedException", "message": "not authorized", "status": 400}
    endpoint.add_fault("sagemaker", "ListTrainingJobs", error=denied, times=100)

    async def scene() -> None:
        async with running([trigger(training.KIND, name) for name in names]) as tasks:
            await until(lambda: len(endpoint.requests("sagemaker", "ListTrainingJobs")) >= 1)
            endpoint.advance(86400)
            assert [event.payload["end"] for event in await asyncio.gather(*tasks)] == ["ended"] * 3
        assert len(endpoint.requests("sagemaker", "ListTrainingJobs")) == 1

    asyncio.run(scene())
    assert caplog.text.count("ListTrainingJobs failed") == 1


def test_triggers_that_are_cancelled_leave_nothing_behind(endpoint: LocalEndpoint) -> None:
    names = create(endpoint, 5)

    async def scene() -> None:
        async with running([trigger(training.KIND, name) for name in names]) as tasks:
            await until(lambda: len(endpoint.requests("sagemaker", "ListTrainingJobs")) >= 1)
            for task in tasks[:4]:
                task.cancel()
            await asyncio.wait(tasks[:4])
            endpoint.advance(86400)
            assert (await tasks[4]).payload["end"] == "ended"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())
