"""The trigger that waits until a step calls AWS again, while no worker is held."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from airflow_sm_pipelines.observing.log_fields import bind_fields
from airflow_sm_pipelines.observing.spans import describe_span

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAUSED = "paused"
"""The member of the event by which an operator knows it from that of a job's end."""


class PauseTrigger(BaseTrigger):
    """Fires once, at ``until`` (epoch seconds), with ``held``: what the step's try goes on with, as JSON.

    No job runs meanwhile, so a kill has nothing to stop. ``until`` is no sooner than any trigger may fire
    (``jobs/deferral.py``): :class:`~airflow_sm_pipelines.jobs.admission.Admission` sees to that. ``fields`` say in logs
    and spans whose step it is, and ``seconds`` how long the pause is: it takes no longer where the triggerer's clock is
    behind the worker's. Triggers of the version before have neither.
    """

    def __init__(
        self,
        until: float,
        held: dict[str, Any],
        fields: dict[str, str | int] | None = None,
        *,
        seconds: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Airflow's is not annotated
        self.until = until
        self.held = held
        self.fields = fields or {}
        self.seconds = seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        stored = {"until": self.until, "held": self.held, "fields": self.fields, "seconds": self.seconds}
        return f"{PauseTrigger.__module__}.{PauseTrigger.__qualname__}", stored

    async def run(self) -> AsyncIterator[TriggerEvent]:
        bind_fields(**self.fields)
        describe_span(**self.fields)
        left = self.until - time.time()
        await asyncio.sleep(max(0.0, left if self.seconds is None else min(left, self.seconds)))
        yield TriggerEvent({PAUSED: self.held})
