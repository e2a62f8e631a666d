"""What a killed trigger does is done, however often Airflow cancels it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from airflow_sm_pipelines.jobs.shielded import shielded


async def cancelled_thrice(done: list[str], *, fails: bool = False) -> None:
    """Cancel who waits for some work at every turn of the loop, as the triggerer does at its rounds."""
    go_on = asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.append("stopped")
        if fails:
            raise OSError("no network")

    waiting = asyncio.create_task(shielded(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        waiting.cancel("again")
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go_on.set()
    for _ in range(3):
        await asyncio.sleep(0)


def test_who_waits_may_be_cancelled_and_the_work_goes_on() -> None:
    done: list[str] = []
    asyncio.run(cancelled_thrice(done))
    assert done == ["stopped"]


def test_a_failure_that_nobody_waits_for_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        asyncio.run(cancelled_thrice([], fails=True))
    assert "no network" in caplog.text


def test_a_failure_reaches_who_waits() -> None:
    async def work() -> None:
        raise OSError("no network")

    with pytest.raises(OSError, match="no network"):
        asyncio.run(shielded(work()))
