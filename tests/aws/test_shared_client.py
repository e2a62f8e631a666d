"""One client for all who share it: made once, renewed, closed with its last user, whoever is cancelled meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from airflow_sm_pipelines.aws.access import AwsAccess
from airflow_sm_pipelines.aws.shared_client import CHECK_SECONDS, ROLE_SECONDS, SharedClient, shared_client

EXPIRED = ClientError({"Error": {"Code": "ExpiredTokenException", "Message": "expired"}}, "DescribeTrainingJob")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "DescribeTrainingJob")


class Clients:
    """An access that tells which of its clients are open; they are numbers."""

    aws_conn_id = "aws_default"
    botocore_config: dict[str, Any] | None = None

    def __init__(self, region: str = "eu-west-1") -> None:
        self.region = region
        self.open: list[int] = []
        self.made = 0
        self.fingerprint = "first"
        self.assumes_role = False
        self.has_connection = True
        self.is_readable = True
        self.fails = False
        self.may_open = asyncio.Event()
        self.may_open.set()

    def to_json(self) -> dict[str, Any]:
        return {"region_name": self.region}

    def hook(self, service: str) -> Any:
        assert service == "sagemaker"
        return Hook(self)


class Hook:
    """What the connection says now."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self.fingerprint = clients.fingerprint
        self.assumes_role = clients.assumes_role
        self.has_connection = clients.has_connection

    async def read_fingerprint(self) -> str:
        if not self._clients.is_readable:
            raise ValueError("the connection is no JSON")
        return self.fingerprint

    async def get_async_conn(self) -> Any:
        await self._clients.may_open.wait()
        if self._clients.fails:
            raise ValueError("no such connection")
        self._clients.made += 1
        return Opening(self._clients, self._clients.made)


class Opening:
    """An asynchronous context manager, as aiobotocore has it."""

    def __init__(self, clients: Clients, number: int) -> None:
        self._clients, self._number = clients, number

    async def __aenter__(self) -> int:
        self._clients.open.append(self._number)
        return self._number

    async def __aexit__(self, *error: object) -> None:
        self._clients.open.remove(self._number)


class Clock:
    """Seconds that a test lets pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def shared(clients: Clients, clock: Clock) -> SharedClient:
    return SharedClient(cast("AwsAccess", clients), "sagemaker", clock)


@asynccontextmanager
async def borrowed(clients: Clients) -> AsyncIterator[SharedClient]:
    async with shared_client(cast("AwsAccess", clients), "sagemaker") as client:
        yield client


async def call(client: SharedClient) -> int:
    async with client.call() as opened:
        return cast("int", opened)


async def checked(client: SharedClient, clock: Clock) -> int:
    """The client that is used after the connection has been read again."""
    clock.now += CHECK_SECONDS + 1
    await call(client)
    for _ in range(5):
        await asyncio.sleep(0)
    return await call(client)


async def call_with(client: SharedClient, error: Exception) -> None:
    async with client.call():
        raise error


def test_those_with_equal_access_share_a_client_that_the_last_one_closes() -> None:
    async def scene() -> None:
        ours, equal, other = Clients(), Clients(), Clients("us-east-1")
        async with borrowed(ours) as first, borrowed(equal) as second, borrowed(other) as third:
            assert first is second
            assert await asyncio.gather(*(call(client) for client in (first, second, second, third))) == [1, 1, 1, 1]
            assert (ours.open, equal.open, other.open) == ([1], [], [1])
        assert (ours.open, other.open) == ([], [])
        async with borrowed(ours) as again:
            assert await call(again) == 2

    asyncio.run(scene())


def test_expired_credentials_retire_a_client_when_its_last_call_has_ended() -> None:
    async def scene() -> None:
        clients = Clients()
        async with borrowed(clients) as client:
            async with client.call() as under_way:
                with pytest.raises(ClientError):
                    await call_with(client, EXPIRED)
                assert (under_way, clients.open) == (1, [1])
                assert await call(client) == 2
                assert clients.open == [1, 2]
            assert clients.open == [2]
            with pytest.raises(ClientError):
                await call_with(client, DENIED)
            assert await call(client) == 2
        assert clients.open == []

    asyncio.run(scene())


def test_a_late_answer_of_the_old_client_does_not_retire_the_new_one() -> None:
    async def scene() -> None:
        clients = Clients()
        async with borrowed(clients) as client:
            slow, answered = asyncio.Event(), asyncio.Event()

            async def answered_late() -> None:
                async with client.call():
                    slow.set()
                    await answered.wait()
                    raise EXPIRED

            late = asyncio.create_task(answered_late())
            await slow.wait()
            with pytest.raises(ClientError):
                await call_with(client, EXPIRED)
            assert await call(client) == 2
            answered.set()
            with pytest.raises(ClientError):
                await late
            assert await call(client) == 2

    asyncio.run(scene())


def test_a_connection_that_has_changed_gets_a_new_client() -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        client = shared(clients, clock)
        assert await call(client) == 1
        clock.now += CHECK_SECONDS + 1
        assert await call(client) == 1
        clients.fingerprint = "second"
        assert await call(client) == 1
        clock.now += CHECK_SECONDS + 1
        while await call(client) == 1:
            await asyncio.sleep(0)
        assert clients.open == [2]
        await client.close()
        assert clients.open == []

    asyncio.run(scene())


def test_a_client_whose_connection_assumes_a_role_is_renewed_by_its_age() -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        clients.assumes_role = True
        client = shared(clients, clock)
        assert await call(client) == 1
        clock.now += ROLE_SECONDS + 1
        assert await call(client) == 2
        assert clients.open == [2]
        await client.close()

    asyncio.run(scene())


def lose(clients: Clients) -> None:
    """Airflow finds no connection: the provider's hook then says what it says of an empty one."""
    clients.has_connection, clients.assumes_role, clients.fingerprint = False, False, "empty"


def find(clients: Clients, fingerprint: str = "first") -> None:
    clients.has_connection, clients.fingerprint = True, fingerprint


def test_a_connection_that_is_not_found_any_more_keeps_its_client_which_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        client = shared(clients, clock)
        assert await call(client) == 1
        lose(clients)
        assert [await checked(client, clock) for _ in range(3)] == [1, 1, 1]
        find(clients)
        assert await checked(client, clock) == 1
        lose(clients)
        assert await checked(client, clock) == 1
        find(clients, "second")
        assert await checked(client, clock) == 2
        assert clients.open == [2]
        clients.is_readable = False
        assert await checked(client, clock) == 2
        await client.close()
        assert clients.open == []

    with caplog.at_level(logging.INFO):
        asyncio.run(scene())
    told = [record.getMessage().removeprefix("The connection aws_default ") for record in caplog.records]
    lost = (
        "is not found any more: it was deleted, or Airflow cannot ask for it just now. Its sagemaker client is kept,"
        " and the connection is looked for every 60 s"
    )
    unreadable = "cannot be read (the connection is no JSON). Its sagemaker client is kept, and the connection is"
    changed = "has changed: a new client takes over"
    assert told == [lost, "is found again", lost, "is found again", changed, f"{unreadable} looked for every 60 s"]


def test_where_credentials_have_expired_and_the_connection_is_not_found_the_client_is_kept() -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        client = shared(clients, clock)
        assert await call(client) == 1
        lose(clients)
        for _ in range(3):
            with pytest.raises(ClientError):
                await call_with(client, EXPIRED)
            assert (await call(client), clients.open) == (1, [1])
        find(clients)
        # Those who wait for hundreds of jobs do not each look for the connection.
        with pytest.raises(ClientError):
            await call_with(client, EXPIRED)
        assert await call(client) == 1
        clock.now += CHECK_SECONDS
        with pytest.raises(ClientError):
            await call_with(client, EXPIRED)
        assert (await call(client), clients.open) == (2, [2])
        lose(clients)
        with pytest.raises(ClientError):
            await call_with(client, EXPIRED)
        # It is closed also where it was to be replaced.
        await client.close()
        assert clients.open == []

    asyncio.run(scene())


def test_a_role_is_assumed_again_only_by_a_connection_that_is_found() -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        clients.assumes_role = True
        client = shared(clients, clock)
        assert await call(client) == 1
        lose(clients)
        clock.now += ROLE_SECONDS + 1
        assert [await call(client) for _ in range(3)] == [1, 1, 1]
        find(clients)
        clock.now += CHECK_SECONDS
        assert await call(client) == 2
        assert clients.open == [2]
        await client.close()

    asyncio.run(scene())


def test_a_connection_that_never_was_found_gives_clients_as_boto3_does_until_there_is_one() -> None:
    async def scene() -> None:
        clients, clock = Clients(), Clock()
        lose(clients)
        client = shared(clients, clock)
        assert await call(client) == 1
        with pytest.raises(ClientError):
            await call_with(client, EXPIRED)
        assert await call(client) == 2
        assert await checked(client, clock) == 2
        find(clients)
        assert await checked(client, clock) == 3
        assert clients.open == [3]
        await client.close()

    asyncio.run(scene())


def test_one_who_is_cancelled_while_the_client_is_opened_takes_it_from_nobody() -> None:
    async def scene() -> None:
        clients = Clients()
        clients.may_open.clear()
        async with borrowed(clients) as client:
            cancelled, waits = asyncio.create_task(call(client)), asyncio.create_task(call(client))
            await asyncio.sleep(0)
            cancelled.cancel()
            await asyncio.gather(cancelled, return_exceptions=True)
            clients.may_open.set()
            assert await waits == 1
        assert (cancelled.cancelled(), clients.made, clients.open) == (True, 1, [])

    asyncio.run(scene())


def test_a_client_that_is_opened_after_all_have_left_is_closed() -> None:
    async def scene() -> None:
        clients = Clients()
        clients.may_open.clear()

        async def only_user() -> None:
            async with borrowed(clients) as client:
                await call(client)

        user = asyncio.create_task(only_user())
        await asyncio.sleep(0)
        user.cancel()
        await asyncio.sleep(0)
        clients.may_open.set()
        await asyncio.gather(user, return_exceptions=True)
        assert (user.cancelled(), clients.made, clients.open) == (True, 1, [])

    asyncio.run(scene())


def test_where_a_client_cannot_be_opened_all_who_wait_are_told_and_the_next_call_tries_again() -> None:
    async def scene() -> None:
        clients = Clients()
        clients.fails = True
        async with borrowed(clients) as client:
            told = await asyncio.gather(call(client), call(client), return_exceptions=True)
            assert [str(error) for error in told] == ["no such connection"] * 2
            clients.fails = False
            assert await call(client) == 1

    asyncio.run(scene())


@pytest.mark.parametrize(("config", "most"), [(None, 10), ({"max_pool_connections": 3}, 3)])
def test_no_more_calls_begin_at_once_than_there_are_connections_and_all_come_to_their_turn(
    config: dict[str, Any] | None, most: int
) -> None:
    async def scene() -> None:
        clients, answered = Clients(), asyncio.Event()
        clients.botocore_config = config
        shared = SharedClient(cast("AwsAccess", clients), "sagemaker")
        under_way, seen = 0, []

        async def call() -> None:
            nonlocal under_way
            async with shared.call():
                under_way += 1
                seen.append(under_way)
                await answered.wait()
                under_way -= 1

        calls = [asyncio.create_task(call()) for _ in range(25)]
        while len(seen) < most:
            await asyncio.sleep(0)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(seen) == most
        # Who waits for a place and is cancelled takes none.
        calls[-1].cancel()
        answered.set()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (len(seen), max(seen)) == (24, most)
        await shared.close()

    asyncio.run(scene())
