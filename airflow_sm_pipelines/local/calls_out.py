"""The endpoint never calls out: no connection and no look-up of a name is made for what a request says.

moto would connect elsewhere for some requests (an SNS subscription of a URL, a Lambda function in Docker, a replayed
recording). Python tells an audit hook of every connection before it is made, whichever library makes it; the hook
refuses it. See https://docs.python.org/3/library/audit_events.html for the events.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

LOG = logging.getLogger(__name__)
CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
LOOKING_UP = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class CallOutRefusedError(PermissionError):
    """Something tried to connect from within the endpoint, to an address or path of a socket."""

    def __init__(self, where: str) -> None:
        super().__init__(f"the local AWS endpoint never calls out, here to {where}")


class _Rule(threading.local):
    """Per thread: whether calls are refused, and the first that was since they are."""

    active = False
    telling = False
    refused: str | None = None


_rule = _Rule()
_installed = threading.Lock()
_everywhere = threading.Event()


@contextlib.contextmanager
def refused_here() -> Iterator[_Rule]:
    """Refuse calls of this thread; the value's ``refused`` says afterwards where the first one went, if any."""
    _install()
    before, _rule.active, _rule.refused = _rule.active, True, None
    try:
        yield _rule
    finally:
        _rule.active = before


def refuse_everywhere() -> None:
    """Refuse calls of all threads of this process for good: for a process that does nothing else than serve."""
    _install()
    _everywhere.set()


def _install() -> None:
    # A hook stays as long as the process does; the lock is never given back, so there is one.
    if _installed.acquire(blocking=False):
        sys.addaudithook(_hook)


def _hook(
    event: str, arguments: tuple[Any, ...], is_interpreter_ending: Callable[[], bool] = sys.is_finalizing
) -> None:
    # Python then takes modules apart: their names are None by and by.
    if is_interpreter_ending() or not (_rule.active or _everywhere.is_set()):
        return
    if event in CONNECTING:
        target = arguments[1]
    elif event in LOOKING_UP:
        target = arguments[:2] if event == "socket.getaddrinfo" else arguments[0]
    else:
        return
    if target is None:  # sendmsg on a socket that is connected already
        return
    where = ":".join(map(str, target[:2])) if isinstance(target, tuple) else str(target)
    if not _rule.telling:  # a log handler may itself want to connect
        _rule.telling, _rule.refused = True, _rule.refused or where
        LOG.warning("refused a connection to %r: the local AWS endpoint never calls out", where)
        _rule.telling = False
    raise CallOutRefusedError(where)
