"""Events of jobs that have ended, in an SQS queue: whoever waits for such a job looks at it at once.

An event is a hint and no more: the state of a job is what Describe says. So one that is late, doubled or forged costs
a few looks, and one that is lost costs nothing but time, since each job is looked at without events too.

Several triggerers may share a queue. A message of a job that nobody waits for here is not deleted: it is hidden for
some seconds, and the next reader gets it, be that this one or another. One that has been read for so often that all
readers are likely to have seen it is deleted. What is no event stays. Each read of it counts for its queue's redrive
policy, so a queue that has nothing else is not read for an hour.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import CallError, is_transient
from airflow_sm_pipelines.aws.shared_client import SharedClient, shared_client
from airflow_sm_pipelines.step_types.job_events import JobEvent, label_of, read_event
from airflow_sm_pipelines.step_types.job_kind import JobKind

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess

log = logging.getLogger(__name__)

MAX_MESSAGES = 10
MAX_WAIT_SECONDS = 20
HIDDEN_SECONDS = 2
"""For how long a message that was read is hidden from all readers, unless it is deleted."""
MAX_READS = 10
MAX_PAUSE_SECONDS = 60.0
USELESS_SECONDS = 3600.0
"""How long a queue is not read that was of no use: a permission may have been given, or the setting mended, since."""

Hint = Callable[[], None]


class _Loop:
    """What there is in one event loop: who waits for which job, the readers, and the queues that were of no use."""

    def __init__(self) -> None:
        self.hints: dict[tuple[str, str], list[Hint]] = {}
        self.readers: dict[str, _Reader] = {}
        self.logged: set[tuple[str, str]] = set()
        self.not_before: dict[str, float] = {}
        self.with_events: set[str] = set()

    def log_once(self, url: str, what: str, message: str, *arguments: object) -> None:
        if (url, what) not in self.logged:
            self.logged.add((url, what))
            log.warning(message, *arguments)


_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = WeakKeyDictionary()


class _Reader:
    """Reads one queue while somebody waits for a job."""

    def __init__(self, access: AwsAccess, url: str, key: str, loop: _Loop) -> None:
        self.users = 0
        self._key = key
        self._access = access
        self._url = url
        self._loop = loop
        # The call is answered after that time: the client must wait for longer.
        patience = (access.botocore_config or {}).get("read_timeout", 3 * MAX_WAIT_SECONDS)
        self._wait = max(0, min(MAX_WAIT_SECONDS, int(patience) // 2))
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        if self._task is None or self._task.done():
            # Its log lines are no job's, and no job's end is its own.
            self._task = asyncio.create_task(self._run(), context=Context())

    async def end(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        errors, now = 0, asyncio.get_running_loop().time
        with suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._loop.not_before.get(self._key, 0.0) - now())
                try:
                    async with shared_client(self._access, "sqs") as client:
                        while self._loop.not_before.get(self._key, 0.0) <= now():
                            began = now()
                            if not await self._read(client):
                                # What is hidden for others must not come back at once, and always to this reader.
                                pause = HIDDEN_SECONDS * random.uniform(1.0, 1.5)  # noqa: S311 # no secret
                                await asyncio.sleep(began + pause - now())
                            errors = 0
                except Exception as error:  # noqa: BLE001 # whatever it is, the jobs are looked at without events
                    errors += 1
                    pause = min(2.0**errors, MAX_PAUSE_SECONDS) * random.uniform(0.75, 1.0)  # noqa: S311 # no secret
                    self._log_error(error)
                    self._loop.not_before[self._key] = now() + (pause if is_transient(error) else USELESS_SECONDS)

    def _log_error(self, error: Exception) -> None:
        said = CallError.of(error) if isinstance(error, ClientError | BotoCoreError) else repr(error)
        message = "The queue of job events %s cannot be read, and jobs are looked at in their intervals alone: %s"
        self._loop.log_once(self._url, type(error).__name__ + str(said)[:40], message, self._url, said)

    async def _read(self, client: SharedClient) -> bool:
        """Read once; whether anything was of use."""
        async with client.call() as sqs:
            answer = await sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_MESSAGES,
                WaitTimeSeconds=self._wait,
                VisibilityTimeout=HIDDEN_SECONDS,
                AttributeNames=["ApproximateReceiveCount"],
            )
            events = [(read_event(message.get("Body")), message) for message in answer.get("Messages", [])]
            used = [
                message["ReceiptHandle"] for event, message in events if event is not None and self._use(event, message)
            ]
            if used:
                entries = [{"Id": str(number), "ReceiptHandle": receipt} for number, receipt in enumerate(used)]
                await sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
        self._judge([event for event, _ in events])
        return bool(used)

    def _judge(self, events: list[JobEvent | None]) -> None:
        """Tell of messages that are no events (None). A queue that has had nothing else is left alone for an hour."""
        if any(events):
            self._loop.with_events.add(self._url)
        if None not in events:
            return
        # It may be an answer to a Callback step, say: it stays.
        message = "The queue of job events %s has messages that are none, and are left there: is it another's queue?"
        if self._url not in self._loop.with_events:
            message += " Nothing else was in it: it is not read for an hour"
            self._loop.not_before[self._key] = asyncio.get_running_loop().time() + USELESS_SECONDS
        self._loop.log_once(self._url, "foreign", message, self._url)

    def _use(self, event: JobEvent, message: dict[str, Any]) -> bool:
        """Give the hint that an event is; whether nobody needs its message any more."""
        if not event.has_ended:
            return True
        hints = self._loop.hints.get((event.label, event.name), [])
        for hint in hints:
            hint()
        reads = str(message.get("Attributes", {}).get("ApproximateReceiveCount", MAX_READS))
        return bool(hints) or not reads.isdigit() or int(reads) >= MAX_READS


@asynccontextmanager
async def hints(access: AwsAccess, url: str | None, kind: JobKind, name: str, hint: Hint) -> AsyncIterator[None]:
    """Have ``hint`` called, within this context, when an event says that a job has ended.

    :param url: the queue; without one there are no hints, and neither for a kind of jobs that has no events
    """
    label = label_of(kind)
    if not url or label is None:
        yield
        return
    loop = _loops.setdefault(asyncio.get_running_loop(), _Loop())
    key = json.dumps([url, access.to_json()], sort_keys=True, default=str)
    reader = loop.readers.setdefault(key, _Reader(access, url, key, loop))
    waiting = loop.hints.setdefault((label, name), [])
    waiting.append(hint)
    reader.users += 1
    reader.begin()
    try:
        yield
    finally:
        waiting.remove(hint)
        if not waiting:
            loop.hints.pop((label, name), None)
        reader.users -= 1
        if not reader.users:
            del loop.readers[key]
            await reader.end()
