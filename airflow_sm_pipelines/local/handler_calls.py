"""Calls of handlers that go on: a reset of the endpoint and its end cancel them, and wait until they are over."""

from __future__ import annotations

import threading
import time


class HandlerCall:
    """One call. ``cancelled`` says that its answer is not wanted any more, ``over`` that nothing of it is left."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self.over = threading.Event()


class HandlerCalls:
    """The calls that go on. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._going_on: set[HandlerCall] = set()
        self._closed = False

    def begin(self) -> HandlerCall:
        """A call that begins; while the endpoint is reset or ends, one that is cancelled from the start."""
        call = HandlerCall()
        with self._lock:
            self._going_on.add(call)
            if self._closed:
                call.cancelled.set()
        return call

    def end(self, call: HandlerCall) -> None:
        """Nothing of it is left, and its answer has been given or dropped."""
        with self._lock:
            self._going_on.discard(call)
        call.over.set()

    def end_all(self, seconds: float) -> bool:
        """Cancel all, and those that begin now; whether all of them are over within so many seconds."""
        with self._lock:
            self._closed = True
            calls = list(self._going_on)
        for call in calls:
            call.cancelled.set()
        deadline = time.monotonic() + seconds
        return all(call.over.wait(max(0.0, deadline - time.monotonic())) for call in calls)

    def begin_anew(self) -> None:
        """Take calls again."""
        with self._lock:
            self._closed = False
