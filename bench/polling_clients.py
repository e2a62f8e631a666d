"""Clients that poll executions at a pace, and starts that come twice at the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from botocore.credentials import ReadOnlyCredentials

from bench.signed_calls import Caller

POLLED = ("DescribePipelineExecution", "ListPipelineExecutionSteps")
ALONE_ROUNDS = 20
# botocore's own.
ANSWER_SECONDS = 60


@dataclass(frozen=True)
class Load:
    """How much of what.

    :param seconds: how long a phase lasts
    :param pace: seconds from one poll of a client to its next
    :param starts: starts a second
    """

    pipeline: str
    clients: int
    seconds: float
    pace: float
    starts: float


@dataclass(frozen=True)
class Started:
    """The two answers to the two calls with one token; None is a call without an ARN."""

    token: str
    arns: tuple[str | None, str | None]


@dataclass(frozen=True)
class Measured:
    """The calls, the starts among them, and how much of one CPU this process took for them and for the endpoint."""

    caller: Caller
    started: Sequence[Started]
    cpu_share: float


async def poll(caller: Caller, phase: str, executions: Sequence[str], number: int, until: float, pace: float) -> None:
    """Ask for one execution after another of those that are there by then."""
    turn = number
    while (began := time.monotonic()) < until:
        arn = executions[turn % len(executions)]
        for operation in POLLED:
            await caller.call(phase, operation, {"PipelineExecutionArn": arn})
        turn += 1
        await asyncio.sleep(max(0.0, began + pace - time.monotonic()))


async def poll_all(caller: Caller, phase: str, executions: Sequence[str], load: Load, pace: float) -> None:
    """All clients, whose first polls are spread over the pace."""
    until = time.monotonic() + load.seconds

    async def client(number: int) -> None:
        await asyncio.sleep(pace * number / load.clients)
        await poll(caller, phase, executions, number, until, pace)

    await asyncio.gather(*map(client, range(load.clients)))


async def start_all(caller: Caller, phase: str, executions: list[str], load: Load) -> list[Started]:
    """Starts at their times, whether those before have been answered or not."""

    async def start(number: int) -> Started:
        await asyncio.sleep(number / load.starts)
        token = f"load-token-{number:032}"
        request = {"PipelineName": load.pipeline, "ClientRequestToken": token}
        both = await asyncio.gather(*(caller.call(phase, "StartPipelineExecution", request) for _ in range(2)))
        first, second = (None if answer is None else str(answer["PipelineExecutionArn"]) for answer in both)
        if first is not None:
            executions.append(first)
        return Started(token, (first, second))

    return await asyncio.gather(*map(start, range(round(load.starts * load.seconds))))


async def phases(caller: Caller, executions: list[str], load: Load) -> list[Started]:
    """The three phases."""
    for _ in range(ALONE_ROUNDS):
        for operation in POLLED:
            await caller.call("alone", operation, {"PipelineExecutionArn": executions[0]})
    polling = poll_all(caller, "paced", executions, load, load.pace)
    _, started = await asyncio.gather(polling, start_all(caller, "paced", executions, load))
    await poll_all(caller, "unpaced", executions, load, 0.0)
    return started


async def measure(
    url: str, credentials: ReadOnlyCredentials, region: str, executions: list[str], load: Load
) -> Measured:
    """Send the load.

    :param url: of the API
    :param executions: ARNs of executions that are there already, at least one; what is started is added
    """
    # No call waits in this process for a connection.
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        caller = Caller(session, url, credentials, region)
        began, busy = time.monotonic(), time.process_time()
        started = await phases(caller, executions, load)
        share = (time.process_time() - busy) / (time.monotonic() - began)
    return Measured(caller, started, share)
