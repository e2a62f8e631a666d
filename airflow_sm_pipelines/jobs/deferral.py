"""When the trigger of a deferred task may fire: not before the scheduler knows that the task is deferred."""

from __future__ import annotations

import asyncio
import time

SETTLED_SECONDS = 20.0
"""How long the scheduler may need until it has heard that the process of a deferred task has ended.

If a task is queued again before that, the executor's late report makes Airflow take the new process for dead, and one
try is lost (apache/airflow#71580, #72716: open in 3.3). The report comes with the scheduler's next loop. With ten times
as much work as the machine can do, loops took up to ten seconds.
"""


def settled_at(deferred_at: float, poll_interval: float) -> float:
    """From when on the trigger of a task may fire that is deferred at a time: at most one look later."""
    return deferred_at + min(poll_interval, SETTLED_SECONDS)


async def settle(not_before: float | None) -> None:
    """Wait until that time (epoch seconds), but never for longer than :data:`SETTLED_SECONDS`: clocks may differ."""
    if not_before is not None and (early := not_before - time.time()) > 0:
        await asyncio.sleep(min(early, SETTLED_SECONDS))
