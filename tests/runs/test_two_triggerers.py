"""Two triggerers that wait for jobs of one kind: each looks at its own, and one takes over what the other leaves."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from airflow_sm_pipelines.local.endpoint import LocalEndpoint
from airflow_sm_pipelines.step_types import training
from tests.runs.test_shared_poller import create, endpoint, fired, running, trigger, until

__all__ = ["endpoint"]


def triggerer(names: list[str], ends: Path) -> None:
    """A process that waits for jobs, and writes down whose end it was told, and which."""

    async def wait_for(name: str) -> None:
        event = await fired(trigger(training.KIND, name))
        with ends.open("a") as file:
            file.write(f"{name} {event.payload['end']} {event.payload['seen']}\n")

    async def wait() -> None:
        await asyncio.gather(*map(wait_for, names))

    asyncio.run(wait())


@contextmanager
def another(names: list[str], ends: Path) -> Iterator[multiprocessing.process.BaseProcess]:
    process = multiprocessing.get_context("spawn").Process(target=triggerer, args=(names, ends), daemon=True)
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


def described(endpoint: LocalEndpoint, since: int = 0) -> list[str]:
    requests = endpoint.requests("sagemaker", "DescribeTrainingJob")
    return [request.parameters["TrainingJobName"] for request in requests[since:]]


def lists(endpoint: LocalEndpoint) -> int:
    return len(endpoint.requests("sagemaker", "ListTrainingJobs"))


@pytest.fixture
def ends(tmp_path: Path) -> Path:
    path = tmp_path / "ends"
    path.touch()
    return path


def test_each_looks_at_its_own_jobs_and_one_takes_over_those_of_one_that_dies(
    endpoint: LocalEndpoint, ends: Path
) -> None:
    names = create(endpoint, 8)
    ours, theirs = names[:4], names[4:]
    sagemaker = endpoint.client("sagemaker")

    async def quiet() -> None:
        """Lists go on, and nothing is described."""
        begun, seen = lists(endpoint), len(described(endpoint))
        # A list that was under way may have told of a change.
        await until(lambda: lists(endpoint) >= begun + 8)
        begun, seen = lists(endpoint), len(described(endpoint))
        await until(lambda: lists(endpoint) >= begun + 8)
        assert described(endpoint, seen) == []

    async def scene() -> None:
        with another(theirs, ends) as process:
            async with running([trigger(training.KIND, name) for name in ours]) as tasks:
                await until(lambda: set(described(endpoint)) == set(names))
                await quiet()

                # Both are told by their lists of each change; who waits for the job looks at it.
                seen = len(described(endpoint))
                sagemaker.stop_training_job(TrainingJobName=ours[0])
                assert (await tasks[0]).payload["seen"] == "Stopped"
                sagemaker.stop_training_job(TrainingJobName=theirs[0])
                await until(lambda: ends.read_text() != "")
                await quiet()
                looks = described(endpoint, seen)
                assert set(looks) == {ours[0], theirs[0]}
                assert max(looks.count(name) for name in looks) <= 3

                process.kill()
                process.join()
                seen = len(described(endpoint))
                sagemaker.stop_training_job(TrainingJobName=theirs[1])
                async with running([trigger(training.KIND, name) for name in theirs[1:]]) as taken:
                    assert (await taken[0]).payload["seen"] == "Stopped"
                    endpoint.advance(86400)
                    events = await asyncio.gather(*tasks[1:], *taken[1:])
                    assert [event.payload["seen"] for event in events] == ["Completed"] * 5
                assert set(described(endpoint, seen)) == {*ours[1:], *theirs[1:]}

    asyncio.run(scene())
    assert ends.read_text() == f"{theirs[0]} ended Stopped\n"
    made = {request.action for request in endpoint.requests("sagemaker")}
    assert made == {"CreateTrainingJob", "DescribeTrainingJob", "ListTrainingJobs", "StopTrainingJob"}


def test_the_same_job_in_two_triggerers_is_told_by_each_and_stopped_by_none(
    endpoint: LocalEndpoint, ends: Path
) -> None:
    """As it is for a moment where Airflow takes a triggerer for dead that lives."""
    names = create(endpoint, 2)

    async def scene() -> None:
        with another(names, ends) as process:
            async with running([trigger(training.KIND, name) for name in names]) as tasks:
                await until(lambda: all(described(endpoint).count(name) >= 2 for name in names))
                endpoint.advance(86400)
                events = await asyncio.gather(*tasks)
                assert [event.payload["seen"] for event in events] == ["Completed"] * 2
            await asyncio.to_thread(process.join)
            assert process.exitcode == 0

    asyncio.run(scene())
    assert sorted(ends.read_text().splitlines()) == [f"{name} ended Completed" for name in names]
    assert endpoint.requests("sagemaker", "StopTrainingJob") == ()
