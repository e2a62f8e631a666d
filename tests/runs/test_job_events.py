"""Events of jobs in a queue: the end of a job is seen at once, and without them no later than otherwise."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from airflow.triggers.base import TriggerEvent

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs import job_events
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.local.samples import (
    automl_request,
    model_request,
    processing_request,
    training_request,
    transform_request,
    tuning_request,
)
from airflow_sm_pipelines.step_types import automl, processing, training, transform, tuning
from tests.runs.harness import Airflow, pipeline
from tests.runs.harness import training as training_step
from tests.runs.test_shared_poller import running, until
from tests.step_types.test_job_events import event
from tests.waiting import PATIENCE_SECONDS

ACCESS = AwsAccess("aws_default", "us-east-1", None, {})
HOUR = 3600.0
QUEUES = (f"job-events-{number:04}" for number in itertools.count())
queue_name = ""
"""The queue of this test. A call that the test before has left under way may reach the endpoint in this one."""


@pytest.fixture(autouse=True)
def own_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.queue_name", next(QUEUES))


@pytest.fixture
def endpoint(local_endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch) -> LocalEndpoint:
    for name, value in local_endpoint.environment.items():
        monkeypatch.setenv(name, value)
    local_endpoint.load_scenario({"defaults": {"duration": HOUR}, "events": {"queue": queue_name}})
    return local_endpoint


def url_of(endpoint: LocalEndpoint) -> str:
    url: str = endpoint.client("sqs").get_queue_url(QueueName=queue_name)["QueueUrl"]
    return url


def reads(endpoint: LocalEndpoint) -> int:
    """How often this test's queue has been read."""
    found = endpoint.requests("sqs", "ReceiveMessage")
    return sum(queue_name in request.parameters["QueueUrl"] for request in found)


def trigger(url: str | None, name: str, kind: Any = training.KIND, interval: float = HOUR) -> JobTrigger:
    access = ACCESS.to_json()
    return JobTrigger(kind.to_json(), name, access, interval, 10 * interval, None, events_queue=url)


def create(endpoint: LocalEndpoint, *names: str) -> None:
    for name in names:
        endpoint.client("sagemaker").create_training_job(**training_request(name))


def calls(endpoint: LocalEndpoint, action: str, service: str = "sagemaker") -> int:
    return len(endpoint.requests(service, action))


def left(endpoint: LocalEndpoint) -> int:
    """How many messages are in the queue, those that a reader hides included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = endpoint.client("sqs").get_queue_attributes(QueueUrl=url_of(endpoint), AttributeNames=names)
    return sum(int(count) for count in found["Attributes"].values())


def send(endpoint: LocalEndpoint, body: Any) -> None:
    endpoint.client("sqs").send_message(QueueUrl=url_of(endpoint), MessageBody=json.dumps(body))


async def ended(*tasks: asyncio.Task[TriggerEvent]) -> list[str]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [one.payload["end"] for one in await asyncio.gather(*tasks)]


@asynccontextmanager
async def reading(endpoint: LocalEndpoint, *triggers: JobTrigger) -> AsyncIterator[list[asyncio.Task[TriggerEvent]]]:
    """Triggers of which each has begun, and whose queue is being read."""
    async with running([*triggers]) as tasks:
        await until(lambda: reads(endpoint) >= 1)
        yield tasks


def test_the_end_of_each_kind_of_job_is_seen_by_its_event(endpoint: LocalEndpoint) -> None:
    sagemaker = endpoint.client("sagemaker")
    sagemaker.create_model(**model_request("model"))
    sagemaker.create_training_job(**training_request("train"))
    sagemaker.create_processing_job(**processing_request("process"))
    sagemaker.create_transform_job(**transform_request("transform", "model"))
    sagemaker.create_hyper_parameter_tuning_job(**tuning_request("tune"))
    kinds = {"train": training, "process": processing, "transform": transform, "tune": tuning}
    url = url_of(endpoint)

    async def scene() -> None:
        async with reading(endpoint, *(trigger(url, name, kind.KIND) for name, kind in kinds.items())) as tasks:
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"] * 4

    asyncio.run(scene())
    for action in ("TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob"):
        assert 1 <= calls(endpoint, f"Describe{action}") <= 3


def test_an_event_of_a_job_that_goes_on_is_taken_and_makes_no_call(endpoint: LocalEndpoint) -> None:
    create(endpoint, "ours", "other")

    async def scene() -> None:
        async with reading(endpoint, trigger(url_of(endpoint), "ours")) as tasks:
            await until(lambda: left(endpoint) == 0)
            assert calls(endpoint, "DescribeTrainingJob") == 0
            endpoint.client("sagemaker").stop_training_job(TrainingJobName="ours")
            endpoint.advance(60)
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())
    described = endpoint.requests("sagemaker", "DescribeTrainingJob")
    assert {request.parameters["TrainingJobName"] for request in described} == {"ours"}


def test_a_forged_event_ends_nothing_and_the_true_one_does(endpoint: LocalEndpoint) -> None:
    create(endpoint, "ours")

    async def scene() -> None:
        async with reading(endpoint, trigger(url_of(endpoint), "ours")) as tasks:
            forged = event()
            forged["detail"]["TrainingJobName"] = "ours"
            for _ in range(30):
                send(endpoint, forged)
            await until(lambda: left(endpoint) == 0 and calls(endpoint, "DescribeTrainingJob") >= 3)
            assert not tasks[0].done()
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())


def test_without_the_setting_and_for_jobs_without_events_no_queue_is_read(endpoint: LocalEndpoint) -> None:
    create(endpoint, "ours")
    endpoint.client("sagemaker").create_auto_ml_job(**automl_request("auto"))
    triggers = [trigger(None, "ours", interval=0.1), trigger(url_of(endpoint), "auto", automl.KIND, interval=0.1)]

    async def scene() -> None:
        async with running(triggers) as tasks:
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"] * 2

    asyncio.run(scene())
    assert reads(endpoint) == 0


@pytest.mark.parametrize("action", ["ReceiveMessage", "DeleteMessageBatch"])
def test_where_the_queue_may_not_be_read_it_is_told_once_and_the_jobs_end(
    endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture, action: str
) -> None:
    create(endpoint, "one", "two")
    denied = {"code": "AccessDenied", "message": "not authorized", "status": 403}
    endpoint.add_fault("sqs", action, error=denied, times=100)
    url = url_of(endpoint)

    async def scene() -> None:
        async with running([trigger(url, name, interval=0.5) for name in ("one", "two")]) as tasks:
            await until(lambda: calls(endpoint, action, "sqs") >= 1)
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"] * 2
        # A new reader of the loop knows of it.
        async with running([trigger(url, "one", interval=0.5)]) as tasks:
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())
    assert calls(endpoint, action, "sqs") == 1
    assert caplog.text.count("cannot be read, and jobs are looked at in their intervals alone") == 1


def test_a_queue_that_is_not_there_does_no_harm(endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture) -> None:
    create(endpoint, "ours")

    async def scene() -> None:
        async with running([trigger(f"{url_of(endpoint)}-missing", "ours", interval=0.5)]) as tasks:
            await until(lambda: reads(endpoint) >= 1)
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())
    assert reads(endpoint) == 1
    assert f"{queue_name}-missing cannot be read" in caplog.text


def test_a_queue_that_fails_in_passing_is_read_again(endpoint: LocalEndpoint) -> None:
    create(endpoint, "ours")
    endpoint.add_fault("sqs", "ReceiveMessage", error={"code": "ServiceUnavailable", "status": 503}, times=5)

    async def scene() -> None:
        async with running([trigger(url_of(endpoint), "ours")]) as tasks:
            await until(lambda: reads(endpoint) > 5)
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())


def test_messages_that_are_no_events_stay_and_are_told_once(
    endpoint: LocalEndpoint, caplog: pytest.LogCaptureFixture
) -> None:
    create(endpoint, "ours")

    async def scene() -> None:
        async with reading(endpoint, trigger(url_of(endpoint), "ours")) as tasks:
            await until(lambda: left(endpoint) == 0)
            for number in range(3):
                send(endpoint, {"token": f"token{number}", "status": "Success"})
            read = reads(endpoint)
            await until(lambda: "has messages that are none" in caplog.text)
            await until(lambda: reads(endpoint) >= read + 3)
            endpoint.advance(86400)
            assert await ended(*tasks) == ["ended"]

    asyncio.run(scene())
    assert left(endpoint) == 3
    assert caplog.text.count("has messages that are none") == 1


def test_an_event_that_nobody_waits_for_is_deleted_after_some_reads(
    endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_events, "HIDDEN_SECONDS", 0)
    create(endpoint, "ours")

    async def scene() -> None:
        async with reading(endpoint, trigger(url_of(endpoint), "ours")):
            send(endpoint, event())
            await until(lambda: left(endpoint) == 0)
            assert calls(endpoint, "DescribeTrainingJob") == 0

    asyncio.run(scene())
    assert reads(endpoint) >= 10


def test_two_triggerers_that_share_a_queue_each_see_the_end_of_their_jobs(
    endpoint: LocalEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However late one of the two begins, and however often the other one is given its messages.
    monkeypatch.setattr(job_events, "MAX_READS", 100_000)
    names = [[f"{side}-{number}" for number in range(3)] for side in ("one", "two")]
    create(endpoint, *names[0], *names[1])
    url = url_of(endpoint)

    def triggerer(own: list[str]) -> list[str]:
        async def scene() -> list[str]:
            async with running([trigger(url, name) for name in own]) as tasks:
                return await ended(*tasks)

        return asyncio.run(scene())

    async def both() -> list[list[str]]:
        sides = [asyncio.create_task(asyncio.to_thread(triggerer, own)) for own in names]
        await until(lambda: reads(endpoint) >= 1)
        endpoint.advance(86400)
        return await asyncio.gather(*sides)

    assert asyncio.run(both()) == [["ended"] * 3] * 2
    assert left(endpoint) == 0


def test_a_triggerer_stops_to_read_when_it_waits_for_nothing(endpoint: LocalEndpoint) -> None:
    create(endpoint, "ours")

    async def scene() -> None:
        async with reading(endpoint, trigger(url_of(endpoint), "ours")) as tasks:
            tasks[0].cancel()
            await asyncio.wait(tasks)
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scene())


def test_a_step_hands_the_setting_to_its_trigger(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow.endpoint.load_scenario({"defaults": {"duration": 0.2}, "events": {"queue": queue_name}})
    assert airflow.run(pipeline(training_step("Train"))).state == "success"
    assert reads(airflow.endpoint) == 0
    monkeypatch.setenv("AIRFLOW__SAGEMAKER_PIPELINES__JOB_EVENTS_QUEUE_URL", url_of(airflow.endpoint))
    assert airflow.test("pipeline").state == "success"
    assert reads(airflow.endpoint) > 0
