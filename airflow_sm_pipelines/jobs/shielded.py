"""Work that a trigger has begun and that must be finished."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine

log = logging.getLogger(__name__)

# The event loop itself keeps only weak references.
_under_way: set[asyncio.Task[None]] = set()


async def shielded(work: Coroutine[Any, Any, None]) -> None:
    """Wait for some work that goes on to its end even when the one who waits is cancelled.

    Airflow's triggerer cancels a killed trigger, and with it what its ``on_kill`` awaits, again every second until the
    trigger is gone. So clean-up that takes longer never finishes unless it is shielded
    (``TriggerRunnerSupervisor.cancelling_triggers`` of Airflow 3.3.2 is sent whole with every round).
    """
    task = asyncio.create_task(work)
    _under_way.add(task)
    task.add_done_callback(_done)
    await asyncio.shield(task)


def _done(task: asyncio.Task[None]) -> None:
    _under_way.discard(task)
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("What a killed trigger began has failed: %s", error, exc_info=error)
