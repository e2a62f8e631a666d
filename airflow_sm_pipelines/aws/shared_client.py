"""One asynchronous client for all who wait in an event loop with equal access.

A client of SageMaker takes 1.7 MB and a tenth of a second to make, and a triggerer may wait for hundreds of jobs.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from botocore.exceptions import ClientError

from airflow_sm_pipelines.aws.failures import EXPIRED_CREDENTIALS_CODES, CallError
from airflow_sm_pipelines.aws.opened_client import opened_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.aws.hook import StepHook

log = logging.getLogger(__name__)

T = TypeVar("T")

CHECK_SECONDS = 60.0
"""How often the connection is read again, to find out whether it has changed."""
ROLE_SECONDS = 1800.0
"""How old a client becomes whose connection assumes a role.

The provider renews the credentials of a role by a call that blocks the event loop, a quarter of an hour before they
expire (of an hour, where the connection says nothing). A new client assumes the role in a thread.
"""

MAX_CALLS = 10
"""How many calls are under way at once, as botocore has connections for unless ``max_pool_connections`` says otherwise.

To build and sign a request takes half a millisecond. Were hundreds of jobs that end together described at once, nothing
else would come to its turn in the event loop until all their requests are made, only to wait for a connection.
"""

_clients: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, SharedClient]] = WeakKeyDictionary()


class _Opened:
    """A client that was opened, with the number of its calls that are under way."""

    def __init__(self, client: Any, closing: AsyncExitStack, hook: StepHook, now: float) -> None:
        self.client = client
        self.closing = closing
        self.fingerprint = hook.fingerprint
        self.assumes_role = hook.assumes_role
        self.has_connection = hook.has_connection
        self.since = self.checked = now
        self.kept_until = float("-inf")
        """Until when it is not replaced, since its connection could not be found again."""
        self.calls = 0
        self.is_retired = False


class SharedClient:
    """The client of one service for those who share it. It is made when it is needed; it is made anew after its
    credentials have expired or the connection has changed. The old one is closed when its last call has ended.

    A client whose connection was found is never replaced by one without a connection. That one would have whatever
    credentials and region the machine has, so it would look for the jobs in another account. Airflow answers that there
    is no connection also where its database or a secrets backend is away for a moment.
    """

    def __init__(self, access: AwsAccess, service: str, now: Callable[[], float] = time.monotonic) -> None:
        self.users = 0
        self._now = now
        self._access = access
        self._service = service
        self._places = asyncio.Semaphore((access.botocore_config or {}).get("max_pool_connections", MAX_CALLS))
        self._opening: asyncio.Task[_Opened] | None = None
        self._replaced: _Opened | None = None
        """The retired client, until there is another one."""
        self._is_lost = False
        """Whether it was told that the connection cannot be found again."""
        self._check: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Any]:
        """The client, for one call, once there is a place for it.

        An error that says that its credentials have expired retires the client.
        """
        async with self._places:
            opened = await self._current()
            opened.calls += 1
            try:
                yield opened.client
            except ClientError as error:
                if CallError.of(error).code in EXPIRED_CREDENTIALS_CODES and self._now() >= opened.kept_until:
                    self._retire(opened)
                raise
            finally:
                opened.calls -= 1
                await self._close_when_done(opened)

    async def close(self) -> None:
        """Close the client, also one that is just being opened."""
        await asyncio.shield(_begun(self._close()))

    async def _close(self) -> None:
        if self._check is not None:
            self._check.cancel()
            await asyncio.gather(self._check, return_exceptions=True)
        opening, self._opening = self._opening, None
        if opening is not None:
            await asyncio.wait([opening])
            if opening.exception() is None:
                await opening.result().closing.aclose()
        if self._replaced is not None:
            await self._replaced.closing.aclose()

    async def _current(self) -> _Opened:
        if self._opening is None:
            self._opening = _begun(self._open())
            self._opening.add_done_callback(self._opening_ended)
        # Who waits may be cancelled; the others wait on.
        opened = await asyncio.shield(self._opening)
        now = self._now()
        if opened.assumes_role and now - opened.since > ROLE_SECONDS and now >= opened.kept_until:
            self._retire(opened)
            return await self._current()
        if now - opened.checked > CHECK_SECONDS:
            opened.checked = now
            self._check = _begun(self._compare_connection(opened))
        return opened

    async def _open(self) -> _Opened:
        old = self._replaced
        if old is None:
            return await self._open_by(self._access.hook(self._service))
        hook = await self._found_again(old)
        if hook is None:
            self._replaced, old.is_retired = None, False
            return old
        opened = await self._open_by(hook)
        self._replaced = None
        await self._close_when_done(old)
        return opened

    async def _open_by(self, hook: StepHook) -> _Opened:
        closing = AsyncExitStack()
        client = await opened_client(hook, closing)
        return _Opened(client, closing, hook, self._now())

    async def _found_again(self, opened: _Opened) -> StepHook | None:
        """A hook that has read the connection again; None where a client is kept whose connection is not found."""
        hook = self._access.hook(self._service)
        try:
            await hook.read_fingerprint()
        except Exception as error:  # noqa: BLE001 # whatever Airflow raises where a connection cannot be read
            problem = f"cannot be read ({error})"
        else:
            if hook.has_connection or not opened.has_connection:
                if self._is_lost:
                    log.info("The connection %s is found again", self._access.aws_conn_id)
                self._is_lost, opened.kept_until = False, float("-inf")
                return hook
            problem = "is not found any more: it was deleted, or Airflow cannot ask for it just now"
        opened.kept_until = self._now() + CHECK_SECONDS
        if not self._is_lost:
            self._is_lost = True
            message = "The connection %s %s. Its %s client is kept, and the connection is looked for every %g s"
            log.warning(message, self._access.aws_conn_id, problem, self._service, CHECK_SECONDS)
        return None

    def _opening_ended(self, opening: asyncio.Task[_Opened]) -> None:
        if opening.cancelled() or opening.exception() is not None:
            self._forget(opening)

    def _forget(self, opening: asyncio.Task[_Opened]) -> None:
        if self._opening is opening:
            self._opening = None

    async def _compare_connection(self, opened: _Opened) -> None:
        hook = await self._found_again(opened)
        if hook is not None and hook.fingerprint != opened.fingerprint:
            log.info("The connection %s has changed: a new client takes over", self._access.aws_conn_id)
            self._retire(opened)

    def _retire(self, opened: _Opened) -> None:
        """Let the next call open another client. This one stays open until then, as it may have to be kept."""
        if self._opening is not None and self._opening.done() and self._opening.result() is opened:
            opened.is_retired = True
            self._opening, self._replaced = None, opened

    async def _close_when_done(self, opened: _Opened) -> None:
        if opened.is_retired and opened is not self._replaced and not opened.calls:
            await asyncio.shield(_begun(opened.closing.aclose()))


@asynccontextmanager
async def shared_client(access: AwsAccess, service: str) -> AsyncIterator[SharedClient]:
    """The client that all in this event loop share whose access is equal. The last one who leaves closes it."""
    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    key = json.dumps([service, access.to_json()], sort_keys=True, default=str)
    client = clients.setdefault(key, SharedClient(access, service))
    client.users += 1
    try:
        yield client
    finally:
        client.users -= 1
        if not client.users:
            del clients[key]
            await client.close()


# The event loop itself keeps only weak references.
_under_way: set[asyncio.Task[Any]] = set()


def _begun(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of its own, which no user's cancellation ends and whose log lines are no user's."""
    task = asyncio.create_task(work, context=Context())
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return task
