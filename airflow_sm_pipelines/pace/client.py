"""The task's side: it asks the API server over HTTP. Where that does not answer, there is no pace."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from airflow_sm_pipelines.pace.asking import SECRET_BYTES, STORE_KEY, Asking, PacedCall, PaceMessage, TaskRef, digest_of
from airflow_sm_pipelines.pace.queue import Answer

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_SECONDS = 3.0
ANSWER_SECONDS = 10.0
SILENT_SECONDS = 60.0


class Store(Protocol):
    """Where the digest of the task's secret is kept: the task alone writes there."""

    def set(self, key: str, value: Any) -> None: ...


class Log(Protocol):
    def warning(self, event: str, *args: Any) -> Any: ...


class SilentDoors:
    """The doors that gave no permits lately, in this process: its tasks do not ask there for a while.

    ``airflow dags test`` runs all tasks of a run in one process, mostly without an API server.

    :param clock: seconds that never go back
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def add(self, url: str) -> None:
        self._until[url] = self._clock() + SILENT_SECONDS

    def __contains__(self, url: str) -> bool:
        return self._clock() < self._until.get(url, float("-inf"))


class HttpPermits:
    """Permits from the API server.

    :param url: the address of the door
    :param task: the task that asks
    :param post: makes the HTTP call: the status and the body of the answer, or an OSError
    :param silent: what the tasks of this process know of doors
    :param may_defer: whether the task gives its worker back for a long wait
    """

    def __init__(
        self,
        url: str,
        task: TaskRef,
        store: Store,
        log: Log,
        post: Callable[[str, bytes], tuple[int, bytes]],
        silent: SilentDoors,
        *,
        may_defer: bool = True,
    ) -> None:
        self._url = url
        self._task = task
        self._store = store
        self._log = log
        self._post = post
        self._silent = silent
        self._may_defer = may_defer
        self._secret = ""
        self._is_shut = url in silent

    def say(self, message: PaceMessage, call: PacedCall, permit: float = 0.0) -> Answer | None:
        # A door that answers may have permits for some calls and none for others.
        of_this_call = f"{self._url} {call.api}"
        if self._is_shut or of_this_call in self._silent:
            return None
        if not self._secret:
            self._secret = secrets.token_urlsafe(SECRET_BYTES)
            self._store.set(STORE_KEY, {"digest": digest_of(self._secret)})
        try:
            asking = Asking(message, call, self._task, self._secret, permit, self._may_defer)
            status, body = self._post(self._url, asking.to_bytes())
        except OSError as error:
            return self._go_on_without(f"it cannot be reached: {error}")
        if status == 404:
            self._silent.add(of_this_call)
            return self._say_why(f"it has none for {call.api}")
        if status != 200:
            return self._go_on_without(f"it answers with the status {status}")
        try:
            return msgspec.json.decode(body, type=Answer)
        except msgspec.MsgspecError:
            return self._go_on_without("its answer cannot be read")

    def _go_on_without(self, why: str) -> Answer | None:
        """Say so once, and ask no more in this try: each call would wait for the same."""
        self._is_shut = True
        self._silent.add(self._url)
        return self._say_why(why)

    def _say_why(self, why: str) -> Answer | None:
        self._log.warning(
            "Calls that create jobs are made without a pace, which comes from the API server at %s: %s", self._url, why
        )
        return None
