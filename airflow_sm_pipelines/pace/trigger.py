"""The trigger that waits until a step calls AWS again, while no worker is held."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAUSED = "paused"
"""The member of the event by which an operator knows it from that of a job's end."""


class PauseTrigger(BaseTrigger):
    """Fires once, at ``until`` (epoch seconds), with ``held``: what the step's try goes on with, as JSON.

    No job runs meanwhile, so a kill has nothing to stop. It fires at its turn, without the hold of a JobTrigger: later,
    the turn would pass unused. After a try that Airflow takes for dead the next one asks anew, which costs one of the
    step's retries (bench/notes.md, "Second tries at scale").
    """

    def __init__(self, until: float, held: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's is not annotated
        self.until = until
        self.held = held

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{PauseTrigger.__module__}.{PauseTrigger.__qualname__}", {"until": self.until, "held": self.held}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        await asyncio.sleep(max(0.0, self.until - time.time()))
        yield TriggerEvent({PAUSED: self.held})
