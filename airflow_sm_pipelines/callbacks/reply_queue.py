"""The reply queue of Callback steps: one reader for all the steps that wait on it in one process.

Several steps, and several triggerers, can share a queue. A message is hidden from other readers while it is looked at;
one that is of no token waited for here is shown again at once, for the reader that it is for. The message of a step is
deleted by the step's task, when the answer is on record; if that task dies first, it comes back. What no Callback step
can ever take is deleted here, with a warning: it would come back for as long as the queue keeps it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from botocore.exceptions import BotoCoreError, ClientError

from airflow_sm_pipelines.aws.failures import is_transient
from airflow_sm_pipelines.aws.renewed_client import RenewedClient
from airflow_sm_pipelines.callbacks.message import FAILURE, Answer, is_token_of
from airflow_sm_pipelines.callbacks.reply import AnswerError, ForNobodyError, Reply, read_address, read_reply

if TYPE_CHECKING:
    from airflow_sm_pipelines.aws.access import AwsAccess
    from airflow_sm_pipelines.jobs.poll_schedule import PollPace

log = logging.getLogger(__name__)

MAX_MESSAGES = 10
MAX_BATCHES = 10
MAX_WAIT_SECONDS = 20
# For how long a reader that is lost hides what it has seen, and for how long a step's own message waits for its task.
HIDDEN_SECONDS = 60
KEPT_SECONDS = 600


class ReplyQueue:
    """The reader of one queue. It reads while somebody waits."""

    def __init__(self, access: AwsAccess, url: str, pace: PollPace) -> None:
        self._access = access
        self._url = url
        self._pace = pace
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._reader: asyncio.Task[None] | None = None
        self._was_read = False
        self._hidden: dict[str, int] = {}

    async def reply_to(self, digest: str) -> Reply:
        """Wait for the answer to a token.

        :raises ClientError: when the queue cannot be read at all
        """
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[digest] = future
        if self._reader is None:
            self._reader = asyncio.create_task(self._read())
            self._reader.add_done_callback(self._reader_ended)
        try:
            return await future
        finally:
            if self._waiting.get(digest) is future:
                del self._waiting[digest]
            if not self._waiting and self._reader is not None:
                reader, self._reader = self._reader, None
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)
                await self._leave_tidy()

    def _reader_ended(self, reader: asyncio.Task[None]) -> None:
        if reader is self._reader:
            self._reader = None
        error = None if reader.cancelled() else reader.exception()
        if error is not None:
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(error)

    async def _read(self) -> None:
        errors = 0
        async with RenewedClient(self._access, "sqs") as client:
            while True:
                try:
                    await self._drain(await client.get())
                except (ClientError, BotoCoreError, OSError) as error:
                    # A queue that was never read is a wrong setting; one that was may be so again.
                    if not self._was_read and not is_transient(error):
                        raise
                    errors += 1
                    log.warning("Reading the reply queue %s failed and is tried again: %s", self._url, error)
                    await client.discard_if_expired(error)
                else:
                    errors, self._was_read = 0, True
                # Readers that share a queue must not keep step, or one of them would always come first.
                await asyncio.sleep(self._pace.after(errors) * random.uniform(0.75, 1.25))  # noqa: S311 # no secret

    async def _drain(self, client: Any) -> None:
        """Read up to 10 batches, so that messages for others cannot starve ours, and then release those."""
        wait = min(int(self._pace.interval), MAX_WAIT_SECONDS)
        for _ in range(MAX_BATCHES):
            response = await client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=MAX_MESSAGES,
                WaitTimeSeconds=wait,
                VisibilityTimeout=HIDDEN_SECONDS,
            )
            messages = response.get("Messages", [])
            for message in messages:
                await self._place(client, message)
            if not messages or all(future.done() for future in self._waiting.values()):
                break
            wait = 0
        await self._set_visibility(client)

    async def _set_visibility(self, client: Any) -> None:
        """Show the messages of others again, and keep those that were handed over hidden for their tasks."""
        while self._hidden:
            receipts = list(self._hidden)[:MAX_MESSAGES]
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": self._hidden[receipt]}
                for number, receipt in enumerate(receipts)
            ]
            await client.change_message_visibility_batch(QueueUrl=self._url, Entries=entries)
            for receipt in receipts:
                self._hidden.pop(receipt, None)

    async def _leave_tidy(self) -> None:
        """Do what the reader had left to do when it was stopped."""
        if not self._hidden:
            return
        try:
            async with await self._access.hook("sqs").get_async_conn() as client:
                await self._set_visibility(client)
        except (ClientError, BotoCoreError, OSError) as error:
            self._hidden.clear()
            log.warning("Messages of others in %s are hidden for up to %d s: %s", self._url, HIDDEN_SECONDS, error)

    async def _place(self, client: Any, message: dict[str, Any]) -> None:
        """Give a message to whom it is for, keep it for others, or delete what is for nobody."""
        receipt = message["ReceiptHandle"]
        try:
            self._hidden[receipt] = KEPT_SECONDS if self._hand_over(message) else 0
        except ForNobodyError as error:
            await self._delete(client, message.get("MessageId"), receipt, str(error))

    async def _delete(self, client: Any, identity: object, receipt: str, reason: str) -> None:
        try:
            await client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)
        except (ClientError, BotoCoreError, OSError) as error:
            self._hidden[receipt] = KEPT_SECONDS
            log.warning(
                "The message %s in the reply queue %s is for no Callback step: %s. It cannot be deleted, and is hidden"
                " for %d s: %s",
                identity,
                self._url,
                reason,
                KEPT_SECONDS,
                error,
            )
        else:
            log.warning(
                "The message %s in the reply queue %s is for no Callback step and was deleted: %s",
                identity,
                self._url,
                reason,
            )

    def _hand_over(self, message: dict[str, Any]) -> bool:
        """Give a message to whom it is for; False where nobody waits for it here.

        :raises ForNobodyError: for what no step can ever take
        """
        addressed = read_address(message.get("Body"))
        found = [future for digest, future in self._waiting.items() if is_token_of(addressed.token, digest)]
        if not found or found[0].done():
            return False
        try:
            answer = read_reply(addressed.members)
        except AnswerError as error:
            # Nobody can be told of a reply that makes no sense: the step is, rather than wait on.
            answer = Answer(FAILURE, failure_reason=f"the message in the reply queue cannot be used: {error}")
        found[0].set_result(Reply(answer, message["ReceiptHandle"]))
        return True


_READERS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, ReplyQueue]] = WeakKeyDictionary()


def reply_queue(access: AwsAccess, url: str, pace: PollPace) -> ReplyQueue:
    """The reader of a queue in the running event loop."""
    readers = _READERS.setdefault(asyncio.get_running_loop(), {})
    key = json.dumps([url, access.to_json()], sort_keys=True)
    if key not in readers:
        readers[key] = ReplyQueue(access, url, pace)
    return readers[key]
