"""AWS calls, memory and the event loop while jobs run: our triggers, and the Amazon provider's.

For each number of jobs the two take turns, each time in a new process that has waited for one job before: what was
freed in a process would count for the next otherwise. The local AWS endpoint has a process of its own. Calls are those
of whole intervals after each job has been looked at, for a minute at an interval of 30 s. Memory is by how much the
process has grown since before the triggers were made, which is the triggerer's over what it has without jobs;
``turn`` is the longest turn of the event loop, for which nothing else comes to its own: the processor's time in it,
which other processes do not add to, from the start of the triggers until all jobs have ended, which they do at one
moment. The jobs were created an hour before; of some, each Describe has 200 KB.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import multiprocessing
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from msgspec import Struct

from airflow_sm_pipelines.local.client import EndpointClient
from bench.measuring import Figure, ratios
from bench.scale.samples import texts
from bench.watched_jobs import Make, create_jobs, endpoint, ours, providers, watched

INTERVALS = {1: 2, 30: 2, 100: 2, 300: 3}
"""How many jobs, and seconds between two looks."""
COUNTED = 2
"""How many intervals are counted, after two that are not: the lists begin then."""
ROUNDS = {300: 2}
SIDES: dict[str, Make] = {"ours": ours, "provider": providers}
USUAL_INTERVAL = 30
TICK = 0.005
MAX_JOBS = 300
CALLS_LIMIT, MEMORY_LIMIT = 0.05, 0.3
MiB = 1024 * 1024


class Watched(Struct, frozen=True):
    """Of some jobs: calls in a minute, MiB of growth, and seconds of the processor in the loop's longest turn."""

    calls: float
    growth: float
    turn: float


def measure() -> Iterator[Figure]:
    with endpoint() as client:
        for count, interval in INTERVALS.items():
            sides: dict[str, list[Watched]] = {"ours": [], "provider": []}
            for _ in range(ROUNDS.get(count, 1)):
                for name, make in SIDES.items():
                    sides[name].append(_side(client, make, count, interval))
            yield from _figures(count, sides["ours"], sides["provider"])
        large = {"HyperParameters": texts(80, 2500)}
        both = [_side(client, make, MAX_JOBS, INTERVALS[MAX_JOBS], **large) for make in SIDES.values()]
        yield _turns(f"{MAX_JOBS} jobs, each Describe of 200 KB", both[:1], both[1:])


def _side(client: EndpointClient, make: Make, count: int, interval: int, **changes: Any) -> Watched:
    client.reset()
    names = create_jobs(client.url, count, **changes)
    client.advance(3600)
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(_watched, (client, make, names, interval))


def _watched(client: EndpointClient, make: Make, names: list[str], interval: int) -> Watched:
    """In a process of its own."""
    # What a process reads once is no job's.
    asyncio.run(_warm(client, make, names[:1]))
    return asyncio.run(_watch(client, make, names, interval))


async def _warm(client: EndpointClient, make: Make, names: list[str]) -> None:
    async with watched(client, make, names, 1):
        pass


def _figures(jobs: int, mine: list[Watched], others: list[Watched]) -> Iterator[Figure]:
    most = jobs == MAX_JOBS
    yield Figure(
        f"{jobs} job{'s' if jobs > 1 else ''}, calls a minute",
        f"{median(each.calls for each in mine):g}",
        f"{median(each.calls for each in others):g}",
        ratios([each.calls for each in mine], [each.calls for each in others]),
        CALLS_LIMIT if most else None,
    )
    if not most:
        return
    mib, other = ([each.growth for each in side] for side in (mine, others))
    shown = (f"{median(mib):.0f} MiB", f"{median(other):.0f} MiB")
    yield Figure(f"{jobs} jobs, memory", *shown, ratios(mib, other), MEMORY_LIMIT)
    yield _turns(f"{jobs} jobs", mine, others)


def _turns(of: str, mine: list[Watched], others: list[Watched]) -> Figure:
    turns, others_turns = ([each.turn for each in side] for side in (mine, others))
    shown = (f"{max(turns) * 1000:.0f} ms", f"{max(others_turns) * 1000:.0f} ms")
    return Figure(f"{of}, the loop's longest turn", *shown, ratios(turns, others_turns))


async def _watch(client: EndpointClient, make: Make, names: list[str], interval: int) -> Watched:
    turns: list[float] = [0.0]
    before = _memory()
    ticks = asyncio.create_task(_tick(turns))
    async with watched(client, make, names, interval) as (calls, waiting):
        await asyncio.sleep(2 * interval)
        begun = await asyncio.to_thread(calls)
        await asyncio.sleep(COUNTED * interval)
        counted = await asyncio.to_thread(calls) - begun
        # To measure the memory holds the loop up.
        await _cancelled(ticks)
        growth = _memory() - before
        ticks = asyncio.create_task(_tick(turns))
        await asyncio.to_thread(client.advance, 2 * 86400)
        await asyncio.wait(waiting)
        await _cancelled(ticks)
    return Watched(counted.total() / COUNTED * 60 / USUAL_INTERVAL, growth, max(turns))


async def _tick(turns: list[float]) -> None:
    while True:
        began = time.thread_time()
        await asyncio.sleep(TICK)
        turns.append(time.thread_time() - began)


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _memory() -> float:
    """The MiB that this process has, after what is free was given back."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / MiB
