"""Jobs that run at the local AWS endpoint, and triggers that wait for them: ours, and the Amazon provider's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.samples import training_request

if TYPE_CHECKING:
    from airflow.triggers.base import BaseTrigger

REGION = "us-east-1"
Make = Callable[[str, int], "BaseTrigger"]


class Watching(NamedTuple):
    """Triggers that wait: ``calls`` asks how often AWS was asked so far, by action, and must not hold their event loop
    up; ``waiting`` are their tasks.
    """

    calls: Callable[[], Counter[str]]
    waiting: Sequence[asyncio.Task[Any]]


def ours(name: str, interval: int) -> BaseTrigger:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.jobs.trigger import JobTrigger
    from airflow_sm_pipelines.step_types.training import KIND

    access = AwsAccess("aws_default", REGION, None, {})
    return JobTrigger(KIND.to_json(), name, access.to_json(), interval, 10 * interval, None)


def providers(name: str, interval: int) -> BaseTrigger:
    from airflow.providers.amazon.aws.triggers.sagemaker import SageMakerTrigger

    return SageMakerTrigger(job_name=name, job_type="training", waiter_delay=interval, region_name=REGION)


@contextlib.contextmanager
def endpoint(scenario: str = '{"defaults": {"duration": 86400}}') -> Iterator[EndpointClient]:
    """The local AWS endpoint as a process of its own, which this process's clients call."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scenario.json"
        path.write_text(scenario)
        command = [sys.executable, "-m", "airflow_sm_pipelines.local", "--port", str(port), "--scenario", str(path)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        client = EndpointClient(f"http://127.0.0.1:{port}", timeout=60)
        try:
            while not _answers(client):
                time.sleep(0.2)
            os.environ |= {
                "AWS_ENDPOINT_URL": client.url,
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
            }
            yield client
        finally:
            process.terminate()
            process.wait()


def _answers(client: EndpointClient) -> bool:
    try:
        client.health()
    except OSError:
        return False
    return True


def create_jobs(url: str, count: int, **changes: Any) -> list[str]:
    """The names of new training jobs, which run for a day; ``changes`` are further members of their requests."""
    import boto3

    sagemaker = boto3.client("sagemaker", region_name=REGION, endpoint_url=url)
    names = [f"job-{number}" for number in range(count)]
    for name in names:
        sagemaker.create_training_job(**training_request(name, **changes))
    return names


@contextlib.asynccontextmanager
async def watched(client: EndpointClient, make: Make, names: Sequence[str], interval: int) -> AsyncIterator[Watching]:
    """Triggers of these jobs, once each has been looked at."""
    known = len(client.requests("sagemaker"))

    def calls() -> Counter[str]:
        return Counter(request.action for request in client.requests("sagemaker")[known:])

    waiting = [asyncio.create_task(_wait_for(make(name, interval))) for name in names]
    try:
        while (await asyncio.to_thread(calls))["DescribeTrainingJob"] < len(names):
            await asyncio.sleep(interval / 4)
        yield Watching(calls, waiting)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _wait_for(trigger: BaseTrigger) -> None:
    async for _ in trigger.run():
        return
