"""AWS calls and memory while jobs run, ours against the Amazon provider's triggers.

For each number of jobs the two take turns in this process, in one event loop each time; the local AWS endpoint has a
process of its own. Printed are the calls in a minute at an interval of 30 s (counted over whole intervals of
``--interval`` seconds, after each job has been looked at), how much this process has grown since before the triggers
were made, and the longest time for which the event loop stood still. Run it with the project's interpreter::

    .venv/bin/python -m bench.polling [--jobs N ...] [--interval SECONDS] [--intervals N]
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="bench-"))
os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")

from airflow.providers.amazon.aws.triggers.sagemaker import SageMakerTrigger
from airflow.triggers.base import BaseTrigger

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.jobs.trigger import JobTrigger
from airflow_sm_pipelines.local.client import EndpointClient
from airflow_sm_pipelines.local.samples import training_request
from airflow_sm_pipelines.step_types.training import KIND

JOBS = (1, 30, 100, 300)
REGION = "us-east-1"
USUAL_INTERVAL = 30
TICK = 0.005
MiB = 1024 * 1024
Make = Callable[[str, int], BaseTrigger]


class Measured(Struct, frozen=True):
    """Of some jobs: calls in a minute, MiB of growth, and seconds that the loop stood still at most."""

    calls: float
    growth: float
    blocked: float
    by_action: dict[str, int]


def ours(name: str, interval: int) -> BaseTrigger:
    access = AwsAccess("aws_default", REGION, None, {})
    return JobTrigger(KIND.to_json(), name, access.to_json(), interval, 10 * interval, None)


def providers(name: str, interval: int) -> BaseTrigger:
    return SageMakerTrigger(job_name=name, job_type="training", waiter_delay=interval, region_name=REGION)


def memory() -> float:
    """The MiB that this process has, after what is free was given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MiB


async def tick(gaps: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        gaps.append(time.perf_counter() - began - TICK)


async def wait_for(trigger: BaseTrigger) -> None:
    async for _ in trigger.run():
        return


async def measure(endpoint: EndpointClient, make: Make, names: list[str], interval: int, intervals: int) -> Measured:
    gaps: list[float] = []
    ticks = asyncio.create_task(tick(gaps))
    before, known = memory(), len(endpoint.requests("sagemaker"))
    waiting = [asyncio.create_task(wait_for(make(name, interval))) for name in names]

    def calls() -> Counter[str]:
        return Counter(request.action for request in endpoint.requests("sagemaker")[known:])

    while calls()["DescribeTrainingJob"] < len(names):
        await asyncio.sleep(interval / 4)
    await asyncio.sleep(2 * interval)
    begun = calls()
    await asyncio.sleep(intervals * interval)
    counted = calls() - begun
    growth = memory() - before
    for task in (*waiting, ticks):
        task.cancel()
    await asyncio.gather(*waiting, ticks, return_exceptions=True)
    per_minute = sum(counted.values()) / intervals * 60 / USUAL_INTERVAL
    return Measured(per_minute, growth, max(gaps), dict(counted))


def start_endpoint(folder: Path) -> tuple[subprocess.Popen[bytes], EndpointClient]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    scenario = folder / "scenario.json"
    scenario.write_text('{"defaults": {"duration": 86400}}')
    command = [sys.executable, "-m", "airflow_sm_pipelines.local", "--port", str(port), "--scenario", str(scenario)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    client = EndpointClient(f"http://127.0.0.1:{port}", timeout=60)
    while True:
        try:
            client.health()
        except OSError:
            time.sleep(0.2)
        else:
            return process, client


def create_jobs(url: str, count: int) -> list[str]:
    import boto3

    sagemaker = boto3.client("sagemaker", region_name=REGION, endpoint_url=url)
    names = [f"job-{number}" for number in range(count)]
    for name in names:
        sagemaker.create_training_job(**training_request(name))
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, nargs="+", default=JOBS)
    parser.add_argument("--interval", type=int, default=10, help="seconds between two looks (default: 10)")
    parser.add_argument("--intervals", type=int, default=3, help="how many are counted (default: 3)")
    parser.add_argument("--rounds", type=int, default=1, help="how often the two take turns (default: 1)")
    given = parser.parse_args()
    process, endpoint = start_endpoint(Path(tempfile.mkdtemp(prefix="bench-")))
    os.environ |= {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AIRFLOW_CONN_AWS_DEFAULT": "aws://",
    }
    try:
        names = create_jobs(endpoint.url, max(given.jobs))
        for make in (ours, providers):
            # What a process reads once is no job's.
            asyncio.run(measure(endpoint, make, names[:1], 1, 1))
        print("calls a minute at an interval of 30 s; MiB of growth; longest stop of the event loop")
        print(f"{'jobs':>5} {'ours':>22} {'provider':>22} {'calls':>7} {'growth':>7}")
        for count in given.jobs:
            rounds: list[tuple[Measured, Measured]] = []
            for _ in range(given.rounds):
                mine, theirs = (
                    asyncio.run(measure(endpoint, make, names[:count], given.interval, given.intervals))
                    for make in (ours, providers)
                )
                rounds.append((mine, theirs))
            tell(count, rounds)
    finally:
        process.terminate()
        process.wait()


def tell(count: int, rounds: list[tuple[Measured, Measured]]) -> None:
    def median(of: Callable[[Any], float]) -> float:
        return statistics.median(of(pair) for pair in rounds)

    cells = []
    for side in (0, 1):
        calls, growth = median(lambda pair: pair[side].calls), median(lambda pair: pair[side].growth)  # noqa: B023 # at once
        blocked = max(pair[side].blocked for pair in rounds)
        cells.append(f"{calls:7.1f} {growth:6.1f} {blocked:5.2f}s")
    calls = median(lambda pair: pair[0].calls / max(pair[1].calls, 1e-9))
    growth = median(lambda pair: pair[0].growth / max(pair[1].growth, 1e-9))
    print(f"{count:>5} {cells[0]:>22} {cells[1]:>22} {calls:>6.3f}x {growth:>6.2f}x", flush=True)


if __name__ == "__main__":
    main()
