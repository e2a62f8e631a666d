"""The poller that all share who wait in an event loop for jobs of one kind with equal access."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from airflow_sm_pipelines.aws.calls import operation
from airflow_sm_pipelines.aws.shared_client import shared_client
from airflow_sm_pipelines.jobs.aws_clock import AwsClock
from airflow_sm_pipelines.jobs.job_events import hints
from airflow_sm_pipelines.jobs.poll_schedule import PollPace, PollSchedule
from airflow_sm_pipelines.jobs.poller import Memory, Poller
from airflow_sm_pipelines.observing.metrics import POLLS
from airflow_sm_pipelines.step_types.job_kind import JobKind
from airflow_sm_pipelines.step_types.list_calls import ListCall, list_call_of

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess

_pollers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, _Running]] = WeakKeyDictionary()
_memories: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Memory]] = WeakKeyDictionary()


class _Running:
    """A poller and the task of its lists, which runs while there are lists to ask for."""

    def __init__(self, access: AwsAccess, service: str, call: ListCall | None, memory: Memory) -> None:
        self._access = access
        self._service = service
        self._call = call
        self._client: Any = None
        self._task: asyncio.Task[None] | None = None
        self.poller = Poller(call, self._ask, AwsClock(asyncio.get_running_loop().time), memory)

    async def adjust(self) -> None:
        """Begin or end to ask for lists, by how many jobs there are."""
        if self.poller.is_worth_listing:
            if self._task is None or self._task.done():
                # Its log lines are no job's, and no job's end is its own.
                self._task = asyncio.create_task(self._run(), context=Context())
        elif self._task is not None:
            task, self._task = self._task, None
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        with suppress(asyncio.CancelledError):
            async with shared_client(self._access, self._service) as self._client:
                await self.poller.run()

    async def _ask(self, request: dict[str, Any]) -> Mapping[str, Any]:
        if self._call is None:
            raise AssertionError("nothing is listed without a List call")
        POLLS.add(operation=self._call.operation)
        async with self._client.call() as client:
            answer: Mapping[str, Any] = await operation(client, self._call.operation)(**request)
            return answer


@asynccontextmanager
async def shared_schedule(
    access: AwsAccess, kind: JobKind, name: str, pace: PollPace, *, by_lists: bool, events_queue: str | None = None
) -> AsyncIterator[PollSchedule]:
    """When a job is looked at, among all jobs of its kind that are waited for with equal access.

    :param by_lists: whether List calls may show which jobs have changed
    :param events_queue: the URL of an SQS queue whose messages name jobs that have ended
    """
    call = list_call_of(kind) if by_lists else None
    pollers = _pollers.setdefault(asyncio.get_running_loop(), {})
    what = kind.describe if call is None else call.operation
    key = json.dumps([kind.service, what, access.to_json()], sort_keys=True, default=str)
    memory = _memories.setdefault(asyncio.get_running_loop(), {}).setdefault(key, Memory())
    running = pollers.setdefault(key, _Running(access, kind.service, call, memory))
    member = running.poller.join(kind, name, pace)
    try:
        await running.adjust()
        async with hints(access, events_queue, kind, name, member.hint):
            yield member
    finally:
        running.poller.leave(member)
        if running.poller.is_empty:
            del pollers[key]
        await running.adjust()
