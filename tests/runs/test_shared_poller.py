"""Many jobs waited for in one event loop, as a triggerer does: what reaches AWS."""

from __future__ import annotations

import asyncio
import time
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
from tests.runs.harness import Airflow, pipeline
from tests.runs.harness import training as training_step
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


def trigger(
    kind: Any, name: str, *, by_lists: bool = True, interval: float = INTERVAL, **other_access: Any
) -> JobTrigger:
    access = {**ACCESS.to_json(), **other_access}
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


OTHER: dict[str, Any] = {"aws_conn_id": "aws_other", "region_name": "eu-west-1", "botocore_config": {"read_timeout": 7}}


@pytest.mark.parametrize("differs", [None, *OTHER])
def test_only_jobs_with_equal_access_are_listed_together(
    endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch, differs: str | None
) -> None:
    """Each of the two is alone otherwise, and described: the list of one connection or region has not the other's."""
    monkeypatch.setenv("AIRFLOW_CONN_AWS_OTHER", '{"conn_type": "aws", "extra": {"verify": false}}')
    create(endpoint, 1)
    other: dict[str, Any] = {} if differs is None else {differs: OTHER[differs]}
    region = str(other.get("region_name", ACCESS.region_name))
    endpoint.client("sagemaker", region=region).create_training_job(**training_request("other"))
    triggers = [trigger(training.KIND, "ours-0"), trigger(training.KIND, "other", **other)]

    def described() -> int:
        calls = endpoint.requests("sagemaker", "DescribeTrainingJob")
        names = [call.parameters["TrainingJobName"] for call in calls]
        return min(names.count("ours-0"), names.count("other"))

    async def scene() -> bool:
        async with running(triggers):
            await until(lambda: bool(endpoint.requests("sagemaker", "ListTrainingJobs")) or described() >= 5)
        return bool(endpoint.requests("sagemaker", "ListTrainingJobs"))

    assert asyncio.run(scene()) is (differs is None)


@pytest.mark.parametrize("poll_by_list", [True, False])
def test_a_step_hands_the_setting_to_its_trigger(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, poll_by_list: bool
) -> None:
    airflow.endpoint.load_scenario({"defaults": {"duration": 3600}})
    airflow.endpoint.client("sagemaker").create_training_job(**training_request("other"))
    run_trigger = JobTrigger.run

    def seen() -> bool:
        described = airflow.endpoint.requests("sagemaker", "DescribeTrainingJob")
        others = [call for call in described if call.parameters["TrainingJobName"] == "other"]
        return len(others) >= 5 or bool(airflow.endpoint.requests("sagemaker", "ListTrainingJobs"))

    async def beside_another(ours: JobTrigger) -> AsyncIterator[TriggerEvent]:
        other = JobTrigger(**{**ours.serialize()[1], "job_name": "other"})
        waiting = [asyncio.ensure_future(anext(run_trigger(one))) for one in (ours, other)]
        await until(seen)
        airflow.endpoint.advance(86400)
        event, _ = await asyncio.gather(*waiting)
        yield event

    monkeypatch.setattr(JobTrigger, "run", beside_another)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__POLL_BY_LIST", str(poll_by_list))
    assert airflow.run(pipeline(training_step("Train"))).state == "success"
    assert bool(airflow.endpoint.requests("sagemaker", "ListTrainingJobs")) is poll_by_list


def test_a_step_says_from_when_on_its_trigger_may_fire(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    run_trigger, not_before, began = JobTrigger.run, [], time.time()

    async def noted(ours: JobTrigger) -> AsyncIterator[TriggerEvent]:
        not_before.append(ours.not_before)
        async for event in run_trigger(ours):
            yield event

    monkeypatch.setattr(JobTrigger, "run", noted)
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__POLL_INTERVAL", "0.5")
    assert airflow.run(pipeline(training_step("Train"))).state == "success"
    (moment,) = not_before
    assert moment is not None
    assert began + 0.5 <= moment <= time.time() + 0.5
